// Stands for GrowSurf's script, as far as its reference tells how that behaves:
// https://docs.growsurf.com/developer-tools/javascript-sdk/api-reference
(function () {
  'use strict';

  const FIELDS = ['email', 'firstName', 'lastName', 'referredBy', 'referredAt', 'gdprAgreements'];
  const subscriptions = [];
  let current = null;

  function tell(type, data) {
    subscriptions.filter((it) => it.type === type).forEach((it) => it.callback(data));
  }

  // Whatever isn't a field is metadata, kept as text.
  async function add(data, callback) {
    const given = typeof data === 'string' ? { email: data } : data;
    const referredBy = new URLSearchParams(location.search).get('grsf');
    const body = { ...(referredBy && { referredBy }), metadata: {} };
    for (const [key, value] of Object.entries(given)) {
      if (FIELDS.includes(key)) body[key] = value;
      else body.metadata[key] = String(value);
    }
    const answer = await fetch('/growsurf/participants', { method: 'POST', body: JSON.stringify(body) });
    const { isNew, ...participant } = await answer.json();
    current = participant;
    if (callback) callback(participant);
    if (isNew) tell(referredBy ? 'referral' : 'signup', { ...participant, campaign: { id: 'ct8f71' } });
    return participant;
  }

  class Growsurf {
    getParticipantId() {
      return current && current.id;
    }

    addParticipant(data, callback) {
      return add(data, callback);
    }

    async addReferredParticipant(data, callback) {
      const result = { added: true, validReferral: true, participant: await add(data) };
      if (callback) callback(result);
      return result;
    }

    async triggerReferral(data, callback) {
      if (typeof data === 'string' || (data && data.email)) return add(data, callback);
      return current;
    }

    subscribe(type, callback) {
      subscriptions.push({ type, callback });
    }
  }

  // A share button of its window; whoever shares takes part.
  document.addEventListener('click', (event) => {
    const shareType = event.target.dataset.share;
    if (!shareType || !current) return;
    const participant = { ...current, email: current.email, firstName: 'Fay', lastName: 'Tester' };
    tell('share', { participant, shareType, campaign: { id: 'ct8f71' } });
  });

  // It is ready, perhaps for the second time.
  window.startGrowsurf = () => {
    window.growsurf = new Growsurf();
    window.dispatchEvent(new Event('grsfReady'));
  };
  window.startGrowsurf();
})();
