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
const { $OpenApiUtil } = installed("@alicloud/openapi-core");
const { default: Vpc } = installed("@alicloud/vpc20160428");
const vpcModels = installed("@alicloud/vpc20160428");
const { RPCClient } = installed("@alicloud/pop-core");
const dara = installed("@darabonba/typescript");

const CALLS = JSON.parse(fs.readFileSync(path.join(__dirname, "../clients/calls.json"), "utf8"));
const REGION = "eu-central-1";
const PATIENCE_MS = 20_000;
const SERVER = process.env.CAUSEWAY_BINARY;

// What a model does not hold although the server sends it, and why. The list may only become shorter.
const NOT_HELD = {
  "DescribeVpnConnections.VpnConnections.VpnConnection.VpnBgpConfig.EnableBgp":
    "an extension: a list shows of each connection what its description shows",
  "ModifyVpnConnectionAttribute.VcoHealthCheck.Policy":
    "an extension: the answer to a change shows the health check as the description does",
};

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
  return typeof value === "string" && value.startsWith("$") ? captured[value.slice(1)] : value;
}

function found(body, where) {
  return where.split(".").reduce((at, part) => at[part], body);
}

/** Sends all calls, in their order, some until what they wait for is so, and captures what later ones need. */
async function follow(call) {
  const captured = {};
  for (const step of CALLS) {
    let body = await call(step.call, filled(step.with, captured));
    const deadline = Date.now() + PATIENCE_MS;
    const waits = Object.entries(step.until ?? {});
    while (waits.some(([where, value]) => String(found(body, where)) !== String(value))) {
      assert.ok(Date.now() < deadline, `${step.call} is still ${JSON.stringify(body)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      body = await call(step.call, filled(step.with, captured));
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

test("the models of the generated client hold what the server sent", async () => {
  const config = new $OpenApiUtil.Config({
    accessKeyId: server.key.AccessKeyId,
    accessKeySecret: server.key.AccessKeySecret,
    endpoint: server.key.Endpoint,
    protocol: "http",
    regionId: REGION,
  });
  const client = new Vpc(config);
  const callApi = client.callApi.bind(client);
  let wire;
  client.callApi = async (...parameters) => {
    const answer = await callApi(...parameters);
    wire = JSON.parse(JSON.stringify(answer.body));
    return answer;
  };
  const losses = [];
  await follow(async (operation, parameters) => {
    const Request = vpcModels[`${operation}Request`];
    const all = "regionId" in Request.names() ? { RegionId: REGION, ...parameters } : parameters;
    const request = dara.cast(all, new Request({}));
    assert.deepEqual(lost(all, request.toMap(), operation), [], `${operation} cannot be asked so`);
    const method = operation[0].toLowerCase() + operation.slice(1);
    const held = (await client[method](request)).body.toMap();
    losses.push(...lost(wire, held, operation));
    return wire;
  });
  assert.deepEqual([...new Set(losses)].sort(), Object.keys(NOT_HELD).sort());
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
      const client = new RPCClient({
        accessKeyId: other.key.AccessKeyId,
        accessKeySecret: other.key.AccessKeySecret,
        endpoint: `http://${other.key.Endpoint}`,
        apiVersion: "2016-04-28",
      });
      await follow((operation, parameters) => {
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
