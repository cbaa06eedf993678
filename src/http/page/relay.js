// Reports to the relay each visit by a referral link (?grsf=) and each share of a participant.
// Adds this visitor's id to a sign-up at GrowSurf:
//
//   <script async src="https://relay.example.com/relay.js" data-key="pk_spring"></script>
//
// It keeps one cookie, rr_id, a random id, and in the session's storage the links reported; no
// address and no name. With data-domain="example.com" the cookie is valid on all hosts of the domain.
//
// It keeps and reports nothing of visitors who refuse tracking, and with data-consent="wait" nothing
// before the page calls referralRelay.consent(true). consent(false) deletes the id and stops.
// An answer given before the script loads stands in window.referralRelay = {consent: true}.
(function () {
  'use strict';

  const COOKIE = 'rr_id';
  const CLICK = 'rr_click:';
  const YEAR = 31536000;
  const TRIES = 4;

  // An element's name or id hides the property of the same name of document and window. So each
  // value is checked for its type, and a hidden property is read from the prototype.
  const hidden = (name) => Object.getOwnPropertyDescriptor(Document.prototype, name);
  const script = (found) => (found instanceof HTMLScriptElement ? found : null);
  const plain = (found) => (found && Object.getPrototypeOf(found) === Object.prototype ? found : {});

  const tag = script(document.currentScript) || script(hidden('currentScript').get.call(document));
  const early = plain(window.referralRelay);
  // A second tag on the page changes nothing.
  if (!tag || early.id) return;
  const key = tag.dataset.key;
  if (!key) return console.warn('relay.js: the script tag has no data-key');

  const refused = [navigator.doNotTrack, window.doNotTrack].includes('1') ||
    navigator.globalPrivacyControl === true;
  const answer = early.consent;
  let agreed = typeof answer === 'boolean' ? answer : tag.dataset.consent !== 'wait';
  const may = () => agreed && !refused;

  // The page's first address; the page may change it later.
  const page = location.origin + location.pathname;
  let link = new URLSearchParams(location.search).get('grsf');
  // The id, if the browser keeps no cookies.
  let kept = null;
  let heard = null;
  const ours = new WeakSet();

  // A page must never break by this script.
  function safely(work, otherwise) {
    try {
      return work();
    } catch (error) {
      return otherwise;
    }
  }

  function uuid() {
    // Pages without TLS have no randomUUID.
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    const hex = Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('');
    return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }

  function bake(value, age) {
    const domain = tag.dataset.domain;
    const cookie = COOKIE + '=' + value + '; path=/; max-age=' + age + '; SameSite=Lax' +
      (domain ? '; domain=' + domain : '') + (location.protocol === 'https:' ? '; Secure' : '');
    if (typeof document.cookie === 'string') document.cookie = cookie;
    else hidden('cookie').set.call(document, cookie);
  }

  function cookies() {
    const found = document.cookie;
    return typeof found === 'string' ? found : hidden('cookie').get.call(document);
  }

  // The visitor's id, made when it is first needed; null without consent.
  function id() {
    if (!may()) return null;
    return safely(() => {
      const found = cookies().match(/(?:^|; )rr_id=([0-9a-f-]{36})(?:;|$)/);
      if (found) kept = found[1];
      if (!kept) bake(kept = uuid(), YEAR);
      return kept;
    }, null);
  }

  function forget() {
    kept = null;
    safely(() => bake('', 0));
    safely(() => Object.keys(sessionStorage).filter((name) => name.startsWith(CLICK))
      .forEach((name) => sessionStorage.removeItem(name)));
  }

  // Posts until there is an answer. The relay counts a post once, by the id in it.
  function post(path, body, done, tried) {
    if (!may()) return;
    const again = () => {
      if (tried + 1 >= TRIES) return;
      setTimeout(() => post(path, body, done, tried + 1), 4 ** tried * 1000 * (1 + Math.random()));
    };
    safely(() => fetch(new URL(path, tag.src), {
      method: 'POST',
      body: JSON.stringify(body),
      mode: 'cors',
      credentials: 'omit',
      keepalive: true,
      referrerPolicy: 'strict-origin'
    }).then((response) => (response.status < 500 ? done() : again()), again).catch(() => {}));
  }

  // A link is reported once a session. One that failed is reported again on a reload,
  // under the same id.
  function land() {
    if (!link || !may()) return;
    const grsf = link;
    const name = CLICK + grsf;
    const known = safely(() => sessionStorage.getItem(name));
    link = null;
    if (known === 'sent') return;
    const click = known || uuid();
    const note = (text) => safely(() => sessionStorage.setItem(name, text));
    note(click);
    post('v1/clicks', { key, anonymous_id: id(), click_id: click, grsf, page },
      () => may() && note('sent'), 0);
  }

  function share(data) {
    safely(() => post('v1/shares', {
      key, share_id: uuid(), participant: data.participant.id, channel: data.shareType
    }, () => {}, 0));
  }

  // GrowSurf accepts an address or an object, whose unknown keys become the participant's metadata.
  function marked(who) {
    const given = typeof who === 'string' ? { email: who } : who;
    const own = given && typeof given === 'object' && id();
    return own ? Object.assign({ cioAnonymousId: own }, given) : who;
  }

  function wrap(sdk, name) {
    const original = sdk[name];
    if (typeof original !== 'function' || ours.has(original)) return;
    sdk[name] = function (...given) {
      if (given.length) given[0] = safely(() => marked(given[0]), given[0]);
      return original.apply(this, given);
    };
    ours.add(sdk[name]);
  }

  // GrowSurf's script may load before this one, after it, or again.
  function meet() {
    const sdk = window.growsurf;
    if (!sdk) return;
    ['addParticipant', 'addReferredParticipant', 'triggerReferral']
      .forEach((name) => safely(() => wrap(sdk, name)));
    if (heard === sdk || typeof sdk.subscribe !== 'function') return;
    heard = sdk;
    sdk.subscribe('share', share);
  }

  window.referralRelay = {
    id,
    consent(given) {
      agreed = given === true;
      if (agreed) safely(land);
      else forget();
    }
  };
  if (refused || answer === false) forget();
  window.addEventListener('grsfReady', () => safely(meet));
  safely(meet);
  safely(land);
})();
