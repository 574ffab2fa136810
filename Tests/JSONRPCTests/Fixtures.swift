import HyperModel
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Operations
import Synchronization
import Testing
import Trust

import struct Foundation.UUID
import class Foundation.FileManager

@testable import JSONRPC

/// Certificates for one test: a root, an intermediate, and whatever it issues.
struct TestAuthority {
  /// The one whose certificates peers of a test accept; shared, because keys take time in debug builds.
  static let shared = Result { try TestAuthority("test root") }
  /// One that nobody trusts.
  static let stranger = Result { try TestAuthority("stranger") }

  let root: CertificateAuthority
  let issuer: CertificateAuthority

  init(_ name: String) throws {
    root = try CertificateAuthority.makeRoot(commonName: name)
    issuer = try root.makeIntermediate(commonName: "\(name) intermediate")
  }

  func credentials(_ name: String, dnsNames: [String]? = nil) throws -> Credentials {
    try issuer.issue(commonName: name, dnsNames: dnsNames).credentials()
  }
}

/// What the servers of the tests do, by method. The first four are those of the examples at jsonrpc.org.
func testHandler(_ request: RPCRequest) async -> CallResponse.Outcome {
  switch request.method {
  case "subtract":
    .result(.integer((request.params["minuend"]?.integer ?? 0) - (request.params["subtrahend"]?.integer ?? 0)))
  case "sum": .result(.integer(request.params.values.compactMap(\.integer).reduce(0, +)))
  case "get_data": .result(["hello", 5])
  case "update", "notify_hello", "notify_sum": .result(nil)
  case "echo": .result(.object(request.params))
  case "id": .result(.string(request.id))
  case "whoami": .result(.string("\(request.caller)"))
  case "null": .result(.null)
  case "empty": .result(nil)
  case "fault": .fault(CallFault(code: 404, message: "no matching connection found", data: ["a": 1]))
  case "rest": await restUntilTheServerStops()
  case "large": .result(.string(String(repeating: "x", count: Int(request.params["size"]?.integer ?? 0))))
  default: .fault(.methodNotFound)
  }
}

/// Ends with its task only.
func restUntilTheServerStops() async -> CallResponse.Outcome {
  let (nothing, sender) = AsyncStream<Void>.makeStream()
  for await _ in nothing {}
  return withExtendedLifetime(sender) { .result(false) }
}

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A folder of its own, removed at the end.
func withTemporaryFolder<T>(_ body: (String) async throws -> T) async throws -> T {
  // Short, because the path of a socket has 107 bytes.
  let folder = "/tmp/hx-\(UUID().uuidString.prefix(8))"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try await body(folder)
}

/// Runs a bound server beside the body; cancels it at the end.
func serving<T: Sendable>(_ run: @escaping @Sendable () async throws -> Void, _ body: () async throws -> T) async throws -> T {
  let task = Task { try await run() }
  do {
    let result = try await body()
    task.cancel()
    _ = await task.result
    return result
  } catch {
    task.cancel()
    _ = await task.result
    throw error
  }
}

/// A JSON-RPC server on a Unix socket for the tests that are about HTTP and JSON-RPC.
func withUnixServer<T: Sendable>(
  limits: HTTPServerLimits = patientServer, calls: RPCLimits = RPCLimits(), strictNotifications: Bool = false,
  access: UnixAccess = UnixAccess(), metrics: MetricsRegistry = MetricsRegistry(),
  admit: @escaping JSONRPCServer.Admission = { _ in nil }, handler: @escaping JSONRPCServer.Handler = testHandler,
  _ body: (String) async throws -> T
) async throws -> T {
  try await withTemporaryFolder { folder in
    let path = "\(folder)/s"
    let configuration = JSONRPCServerConfiguration(
      name: "test", address: .unix(path: path), unixAccess: access, limits: limits, calls: calls, strictNotifications: strictNotifications)
    let server = JSONRPCServer(configuration, admit: admit, logger: silent, metrics: metrics, handler: handler)
    _ = try await server.bind()
    return try await serving({ try await server.run() }) { try await body(path) }
  }
}

/// A JSON-RPC server on a TLS port.
func withTLSServer<T: Sendable>(
  _ credentials: Credentials, clients: ClientVerification = .required, pins: Pins? = nil, limits: HTTPServerLimits = patientServer,
  metrics: MetricsRegistry = MetricsRegistry(), _ body: (Int) async throws -> T
) async throws -> T {
  let configuration = JSONRPCServerConfiguration(
    name: "test", address: .tcp(host: "127.0.0.1", port: 0), trust: TrustSource(credentials), clientVerification: clients, pins: pins,
    limits: limits)
  let server = JSONRPCServer(configuration, admit: { _ in nil }, logger: silent, metrics: metrics, handler: testHandler)
  guard case .tcp(_, let port) = try await server.bind() else { throw TestFailure("no port") }
  return try await serving({ try await server.run() }) { try await body(port) }
}

struct TestFailure: Error {
  let text: String
  init(_ text: String) { self.text = text }
}

/// Everything may take its time on a busy machine: what has to be quick in a test is said there.
let patient: JSONRPCClientLimits = {
  var limits = JSONRPCClientLimits()
  limits.callTime = .seconds(240)
  limits.dialTime = .seconds(240)
  limits.idleTime = .seconds(240)
  limits.spareIdleTime = .seconds(240)
  return limits
}()

/// The same for servers.
let patientServer: HTTPServerLimits = {
  var limits = HTTPServerLimits()
  limits.headTime = .seconds(240)
  limits.bodyTime = .seconds(240)
  limits.stallTime = .seconds(240)
  limits.idleTime = .seconds(240)
  limits.stopTime = .seconds(240)
  return limits
}()

func client(
  _ endpoint: JSONRPCClientConfiguration.Endpoint, _ credentials: Credentials? = nil, serverName: OperatorName? = nil, pins: Pins? = nil,
  limits: JSONRPCClientLimits = patient, metrics: MetricsRegistry = MetricsRegistry()
) throws -> JSONRPCClient {
  try JSONRPCClient(
    JSONRPCClientConfiguration(
      endpoint: endpoint, trust: credentials.map(TrustSource.init), serverName: serverName, pins: pins, limits: limits),
    logger: silent, metrics: metrics)
}

/// The kind of error a call ends with; nil when it is answered.
func failure(_ client: JSONRPCClient, _ method: String = "echo", timeout: Duration? = nil) async -> JSONRPCClientError? {
  do throws(JSONRPCClientError) {
    _ = try await client.call(method, params: [:], timeout: timeout)
    return nil
  } catch {
    return error
  }
}
