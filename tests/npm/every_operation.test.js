// The npm clients over the whole list of the server's operations: what the server sent is what the client holds.
//
// The calls are those of ../clients/calls.json, which serve every language; that none is missing is the Python tests' to say.

const assert = require("node:assert/strict");
const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const { createRequire } = require("node:module");
const os = require("node:os");
const path = require("node:path");
const { after, before, test } = require("node:test");

const installed = createRequire(path.join(process.env.CAUSEWAY_NPM, "package.json"));
const { default: GenericClient, $OpenApiUtil, OpenApiUtil } = installed("@alicloud/openapi-core");
const { RPCClient } = installed("@alicloud/pop-core");
const dara = installed("@darabonba/typescript");

const CALLS = JSON.parse(fs.readFileSync(path.join(__dirname, "../clients/calls.json"), "utf8"));
const VERSIONS = { Vpc: "2016-04-28", Cbn: "2017-09-12", Ram: "2015-05-01", Sts: "2015-04-01", Causeway: "2026-11-01" };

// Those whose makers publish a client. There is none for Cbn and none for Causeway: theirs go through the client that takes any operation.
const GENERATED = {
  Vpc: installed("@alicloud/vpc20160428"),
  Ram: installed("@alicloud/ram20150501"),
  Sts: installed("@alicloud/sts20150401"),
};
const REGION = "eu-central-1";
const PATIENCE_MS = 20_000;
const SERVER = process.env.CAUSEWAY_BINARY;

// What a model does not hold although the server sends it, and why. The list may only become shorter.
const NOT_HELD = {
  "DescribeVpnConnections.VpnConnections.VpnConnection.VpnBgpConfig.EnableBgp":
    "an extension: a list shows of each connection what its description shows",
  "ModifyVpnConnectionAttribute.VcoHealthCheck.Policy":
    "an extension: the answer to a change shows the health check as the description does",
  "Ram:CreateRole.Role.AllowConsoleLogin":
    "younger than the newest model that npm has; the Python SDK holds it",
  "Ram:GetRole.Role.AllowConsoleLogin":
    "younger than the newest model that npm has; the Python SDK holds it",
  "Ram:GetRole.Role.IsServiceLinkedRole":
    "younger than the newest model that npm has; the Python SDK holds it",
  "Ram:ListRoles.Roles.Role.AllowConsoleLogin":
    "younger than the newest model that npm has; the Python SDK holds it",
  "Ram:UpdateRole.Role.AllowConsoleLogin":
    "younger than the newest model that npm has; the Python SDK holds it",
};

// Parameters that are younger than the newest model that npm has; pop-core sends them. The list may only become shorter.
const NOT_ASKED = ["Ram:CreateRole.AllowConsoleLogin", "Ram:UpdateRole.NewAllowConsoleLogin"];

/** A server without packets, on a port that the system chose. */
async function start() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "causeway-npm-"));
  const config = path.join(folder, "causeway.toml");
  fs.writeFileSync(config, "[gateway]\nsimulated_tunnel_up_ms = 0\n[metrics]\nenabled = false\n");
  const data = path.join(folder, "data");
  const listen = ["--engine", "none", "--listen", "127.0.0.1:0", "--config", config, "--data", data];
  const server = spawn(SERVER, ["serve", ...listen], { stdio: "ignore" });
  const stop = () => {
    server.kill("SIGKILL");
    fs.rmSync(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const key = JSON.parse(fs.readFileSync(path.join(data, "root-access-key.json"), "utf8"));
      const answer = await fetch(`http://${key.Endpoint}/healthz`);
      if (answer.ok) return { key, stop };
    } catch (error) {
      if (Date.now() > deadline) {
        stop();
        throw new Error("the server does not answer", { cause: error });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function filled(value, captured) {
  if (Array.isArray(value)) return value.map((member) => filled(member, captured));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, filled(member, captured)]));
  }
  return typeof value === "string" ? value.replace(/\$([a-z0-9_]+)/g, (_, name) => captured[name]) : value;
}

function found(body, where) {
  return where.split(".").reduce((at, part) => at[part], body);
}

/**
 * Sends all calls, in their order, some until what they wait for is so, and captures what later ones need. `call` is given the
 * product, the operation, the parameters, and the AccessKey where it is not the account's own.
 */
async function follow(call) {
  const captured = {};
  for (const step of CALLS) {
    // `Cbn:TagResources`; without a product it is Vpc's.
    const [operation, product = "Vpc"] = step.call.split(":").reverse();
    const key = filled(step.as, captured);
    const waits = Object.entries(filled(step.until ?? {}, captured));
    const ask = () => call(product, operation, filled(step.with, captured), key);
    let body = await ask();
    const deadline = Date.now() + PATIENCE_MS;
    while (waits.some(([where, value]) => String(found(body, where)) !== String(value))) {
      assert.ok(Date.now() < deadline, `${step.call} is still ${JSON.stringify(body)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      body = await ask();
    }
    assert.ok(body.RequestId, step.call);
    for (const [name, where] of Object.entries(step.capture ?? {})) {
      captured[name] = found(body, where);
    }
  }
}

/** Where the model does not hold what came over the wire. */
function lost(wire, model, where) {
  if (Array.isArray(wire) && Array.isArray(model) && wire.length === model.length) {
    return wire.flatMap((member, index) => lost(member, model[index], where));
  }
  if (wire && model && typeof wire === "object" && typeof model === "object" && !Array.isArray(wire)) {
    return Object.keys(wire).flatMap((name) => lost(wire[name], model[name], `${where}.${name}`));
  }
  return wire === model ? [] : [where];
}

let server;
before(async () => {
  server = await start();
});
after(() => server?.stop());

/** What a generated client could not ask or does not hold, and what came over the wire. */
async function generated(product, operation, parameters, config) {
  const { default: Client, ...models } = GENERATED[product];
  const client = new Client(config);
  const callApi = client.callApi.bind(client);
  let wire;
  client.callApi = async (...given) => {
    const answer = await callApi(...given);
    wire = JSON.parse(JSON.stringify(answer.body));
    return answer;
  };
  const method = operation[0].toLowerCase() + operation.slice(1);
  const Request = models[`${operation}Request`];
  if (!Request) {
    assert.deepEqual(parameters, {}, `${operation} takes no parameters`);
    const held = (await client[method]()).body.toMap();
    return { notAsked: [], notHeld: lost(wire, held, operation), wire };
  }
  const all = "regionId" in Request.names() ? { RegionId: REGION, ...parameters } : parameters;
  const request = dara.cast(all, new Request({}));
  const notAsked = lost(all, request.toMap(), operation);
  const held = (await client[method](request)).body.toMap();
  return { notAsked, notHeld: lost(wire, held, operation), wire };
}

/** What the client that takes any operation reads. */
async function generic(product, operation, parameters, config) {
  const params = new $OpenApiUtil.Params({
    action: operation,
    version: VERSIONS[product],
    protocol: "HTTP",
    pathname: "/",
    method: "POST",
    authType: "AK",
    style: "RPC",
    reqBodyType: "formData",
    bodyType: "json",
  });
  const query = OpenApiUtil.query({ RegionId: REGION, ...parameters });
  const request = new $OpenApiUtil.OpenApiRequest({ query });
  return (await new GenericClient(config).callApi(params, request, new dara.RuntimeOptions({}))).body;
}

test("the models of the generated clients hold what the server sent", async () => {
  const notAsked = new Set();
  const notHeld = new Set();
  await follow(async (product, operation, parameters, key) => {
    const [accessKeyId, accessKeySecret] = key ?? [server.key.AccessKeyId, server.key.AccessKeySecret];
    const endpoint = server.key.Endpoint;
    const config = new $OpenApiUtil.Config({ accessKeyId, accessKeySecret, endpoint, protocol: "http", regionId: REGION });
    if (!(product in GENERATED)) return generic(product, operation, parameters, config);
    const called = await generated(product, operation, parameters, config);
    const name = (where) => (product === "Vpc" ? where : `${product}:${where}`);
    called.notAsked.forEach((where) => notAsked.add(name(where)));
    called.notHeld.forEach((where) => notHeld.add(name(where)));
    return called.wire;
  });
  assert.deepEqual([...notAsked].sort(), [...NOT_ASKED].sort());
  assert.deepEqual([...notHeld].sort(), Object.keys(NOT_HELD).sort());
});

/** The parameters of a nested one, as all clients spell them. */
function flat(value, name) {
  if (Array.isArray(value)) return value.flatMap((member, index) => flat(member, `${name}.${index + 1}`));
  if (typeof value === "object") {
    return Object.entries(value).flatMap(([member, inner]) => flat(inner, `${name}.${member}`));
  }
  return [[name, value]];
}

for (const method of ["GET", "POST"]) {
  test(`pop-core reads every answer to a ${method}`, async () => {
    const other = await start();
    try {
      await follow((product, operation, parameters, key) => {
        const [accessKeyId, accessKeySecret] = key ?? [other.key.AccessKeyId, other.key.AccessKeySecret];
        const endpoint = `http://${other.key.Endpoint}`;
        const client = new RPCClient({ accessKeyId, accessKeySecret, endpoint, apiVersion: VERSIONS[product] });
        const pairs = Object.entries({ RegionId: REGION, ...parameters }).flatMap(([name, value]) => flat(value, name));
        return client.request(operation, Object.fromEntries(pairs), { method, timeout: PATIENCE_MS });
      });
    } finally {
      other.stop();
    }
  });
}

test("the server lists its operations for everyone", () => {
  const listed = JSON.parse(execFileSync(SERVER, ["operations", "DeleteVcoRouteEntry"], { encoding: "utf8" }));
  assert.deepEqual(listed.map((operation) => operation.Name), ["DeleteVcoRouteEntry"]);
});
