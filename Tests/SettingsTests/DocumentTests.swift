import Foundation
import Settings
import Testing

/// docs/configuration.md says what the code does.
@Suite struct DocumentTests {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  func text(_ path: String) throws -> String {
    try String(contentsOf: URL(fileURLWithPath: "\(root)/\(path)"), encoding: .utf8)
  }

  @Test func everyKeyIsDocumented() throws {
    let document = try text("docs/configuration.md")
    let words = Set(document.matches(of: /[A-Za-z_]+/).map { String($0.output) })
    let question =
      /\b(?:section|item|root|settings\??|endpoint)\.(?:member|string|requiredString|strings|section|sections|optional|required|text|texts|bool|integer|integers|seconds|socketMode|nameOrNumber|unsupported|dead)\(\s*"([A-Za-z_]+)"/
    var keys: Set<String> = []
    for name in try FileManager.default.contentsOfDirectory(atPath: "\(root)/Sources/Settings") {
      for match in try text("Sources/Settings/\(name)").matches(of: question) { keys.insert(String(match.output.1)) }
    }
    #expect(keys.count > 60, "the pattern finds the keys")
    #expect(keys.subtracting(words).sorted() == [])
  }

  @Test func theExamplesLoad() throws {
    let document = try text("docs/configuration.md")
    let node = try Folder(["a.yml": example(of: document, startingWith: "name: private-proxy-1")]).load()
    #expect(try NodeSettings(node).channels.count == 3)
    let proxy = try Folder(["a.yml": example(of: document, startingWith: "private:")]).load()
    #expect(try ProxySettings(proxy).private?.announcements.count == 1)
    let routes = try Folder(["a.yml": example(of: document, startingWith: "public:")]).load()
    let edge = try ProxySettings(routes).public
    #expect(edge?.routes.count == 3 && edge?.fallback != nil && edge?.network == nil)
    let server = example(of: document, startingWith: "jsonrpc_server:\n").replacing("\n", with: "\n  ")
    let rest = "  name: n\n  datastore: {settings: {filename: f}}\n  jsonrpc_client: {endpoint: unix:n}"
    let settings = try ProxySettings(Folder(["a.yml": "private:\n  \(server)\n\(rest)"]).load()).private
    #expect(settings?.jsonrpcServer.socketMode == 0o660)
    #expect(settings?.jsonrpcServer.allowedUIDs == [1001])
  }

  @Test func theExampleOfVariablesLoads() throws {
    let document = try text("docs/configuration.md").replacing("\n       ", with: "\n    ")
    let file = example(of: document, startingWith: "vars:")
    #expect(try tree(file, environment: ["RELAY_PORT": "7777"]) == #"{public: {internal_endpoint: "relay.example:7777"}}"#)
    #expect(try tree(file) == #"{public: {internal_endpoint: "relay.example:9999"}}"#)
  }

  /// The indented block that starts with a text.
  func example(of document: String, startingWith start: String) -> String {
    let lines = document.split(separator: "\n", omittingEmptySubsequences: false)
    let first = start.split(separator: "\n").first ?? ""
    guard let index = lines.firstIndex(where: { $0 == "    \(first)" }) else { return "" }
    return lines[index...].prefix { $0.hasPrefix("    ") }.map { $0.dropFirst(4) }.joined(separator: "\n")
  }
}
