// Tells the relay of referral links that lead to this page, and of shares.
