// What the relay is compared with: a handler as GrowSurf's guide describes one. It tells Customer.io
// before it answers, keeps nothing and checks nothing.
//
//   node server.mjs PORT CUSTOMERIO_URL

import express from "express";
import { TrackClient } from "customerio-node";

const [port, customerio] = process.argv.slice(2);
const cio = new TrackClient("site", "key", { url: `${customerio}/api/v1` });
const app = express();
app.use(express.json({ limit: "8mb" }));

function tier(referrals) {
  if (referrals >= 10) return "champion";
  if (referrals >= 5) return "power_referrer";
  return referrals >= 1 ? "active" : "new_participant";
}

app.post("/api/growsurf-to-cio", async (request, response) => {
  const { event, participant, referrer } = request.body;
  if (event !== "PARTICIPANT_CREATED") {
    return response.status(400).json({ error: "unexpected event" });
  }
  await cio.identify(participant.email, {
    email: participant.email,
    first_name: participant.firstName,
    last_name: participant.lastName,
    referral_code: participant.referralCode,
    referral_link: participant.shareUrl,
    total_referrals: participant.referralCount,
    referral_tier: tier(participant.referralCount),
  });
  await cio.track(participant.email, {
    name: "referral_program_joined",
    data: {
      campaign_id: participant.campaignId,
      campaign_name: participant.campaignName,
      referral_code: participant.referralCode,
      source: referrer ? "referral" : "organic",
    },
  });
  response.json({ success: true });
});

app.listen(Number(port), "127.0.0.1");
