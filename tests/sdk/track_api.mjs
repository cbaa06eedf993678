// Customer.io's own library for Node, with each method of its Track client against the stand-in.
// Left out: the App API and Pipelines clients, which the relay doesn't use.
// Arguments: the stand-in's URL. The environment names the folder of the library.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const { TrackClient, verifyRequestSignature } = createRequire(import.meta.url)(
  process.env.CUSTOMERIO_NODE,
);
const url = process.argv[2];
const retry = { maxRetries: 2, minTimeoutMs: 1, maxTimeoutMs: 2 };
const cio = new TrackClient('site', 'key', { url: `${url}/api/v1`, retry });
const shown = async (path) => (await fetch(`${url}/sandbox/${path}`)).json();
const ulid = (last) => `01ARZ3NDEKTSV4RRFFQ69G5F${last}`;
const refused = (call, status) =>
  assert.rejects(call, (error) => error.statusCode === status && Boolean(error.message));

assert.deepEqual(await cio.identify('1', {
  email: 'Fay+x@example.com', first_name: 'Fay', created_at: 1790000000, score: 1.5, vip: true,
  address: { city: 'Paris' }, tags: ['a', 'b'],
}), {});
const fay = await shown('people/1');
assert.equal(fay.email, 'fay+x@example.com');
assert.deepEqual(fay.attributes, {
  address: { city: 'Paris' }, created_at: 1790000000, first_name: 'Fay', score: 1.5,
  tags: ['a', 'b'], vip: true,
});
await cio.identify(`cio_${fay.cio_id}`, { plan: 'pro' });
await cio.identify('me/you?#%', { plan: 'free' });
assert.equal((await shown('people/1')).attributes.plan, 'pro');
await refused(cio.identify('1', { long: 'x'.repeat(1001) }), 400);

const data = { price: 12.5, items: [{ sku: 'a' }] };
await cio.track('1', { name: 'purchase', data, id: ulid('AA'), timestamp: 1790000001 });
await cio.track('1', { name: 'purchase', data, id: ulid('AA'), timestamp: 1790000001 });
await cio.trackPageView('1', 'https://shop.example.com/');
await cio.trackAnonymous('anon-1', { name: 'visited', id: ulid('AB') });
await refused(cio.track('1', { name: 'n'.repeat(101) }), 400);
await refused(cio.track('1', { name: 'bad', id: 'no-ulid' }), 400);
const { events } = await shown('events');
assert.deepEqual(events.map((event) => event.name),
  ['purchase', 'https://shop.example.com/', 'visited']);
assert.deepEqual(events[0].data, data);

await cio.addDevice('1', 'token', 'ios', { primary: true });
await cio.deleteDevice('1', 'token');
await cio.identify('2', { plan: 'old', city: 'Rome' });
await cio.mergeCustomers('id', '1', 'id', '2');
assert.equal((await shown('people/1')).attributes.city, 'Rome');

assert.deepEqual(await cio.batch([
  { type: 'person', identifiers: { id: '3' }, action: 'identify', attributes: { plan: 'a' } },
  { type: 'person', identifiers: { id: '3' }, action: 'event', name: 'joined', id: ulid('AC') },
]), {});
const partly = await cio.batch([
  { type: 'person', identifiers: { id: '3' }, action: 'identify', attributes: { plan: 'b' } },
  { type: 'person', identifiers: { id: '3' }, action: 'track', name: 'joined' },
]);
assert.deepEqual(partly.errors.map((error) => error.batch_index), [1]);
await cio.entity({ type: 'person', identifiers: { id: '3' }, action: 'delete' });
await refused(cio.entity({ type: 'person', identifiers: { id: '3' }, action: 'track' }), 400);

await cio.addCustomersToSegment(7, ['1', '2']);
await cio.removeCustomersFromSegment(7, ['fay@example.com'], 'email');
await cio.submitForm('contact', { email: 'form@example.com', plan: 'pro' });
assert.equal((await shown('people/form@example.com')).attributes.plan, 'pro');
await cio.reportMetric({ delivery_id: 'RPILAg', metric: 'clicked', href: 'https://example.com' });
await cio.trackPush({ delivery_id: 'RPILAg', event: 'opened', device_id: 'token' });
await cio.unsubscribe('RPILAg');

await cio.suppress('1');
await cio.identify('1', { plan: 'again' });
assert.equal((await fetch(`${url}/sandbox/people/1`)).status, 404);
await cio.unsuppress('1');
await cio.identify('1', { plan: 'again' });
assert.equal((await shown('people/1')).attributes.plan, 'again');
await cio.destroy('1');
assert.equal((await fetch(`${url}/sandbox/people/1`)).status, 404);

const region = await cio.getAccountRegion();
assert.deepEqual([region.region, typeof region.environment_id], ['us', 'number']);
await refused(new TrackClient('', '', { url: `${url}/api/v1` }).identify('9', {}), 401);

await fetch(`${url}/sandbox/faults`, {
  method: 'PUT', headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ rules: [{ times: 1, status: 503 }] }),
});
await cio.identify('4', { plan: 'retried' });
assert.equal((await shown('people/4')).attributes.plan, 'retried');

// The same vector as in the tests of the relay's own verification.
assert.ok(verifyRequestSignature({
  signingSecret: 'signing-secret', timestamp: '1614265384',
  body: '{"event_id":"abc","object_type":"email","metric":"delivered"}',
  signature: '6f55cf23f9b73a2ff07733fe04421f64ce9ec5e409696edda6b2a80311944230',
}));
console.log('customerio-node: every method works');
