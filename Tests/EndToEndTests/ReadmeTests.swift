import Foundation
import Testing

extension EndToEnd {
  /// The README is what users copy from: what it says must be there.
  @Suite("README") struct ReadmeTests {
    static let lines = [
      "make && make examples ",
      "internal-server ",
      "PROXY_SETTINGS=settings/dev/roles/public-proxy-1 proxy run public",
      "PROXY_SETTINGS=settings/dev/roles/private-proxy-1 proxy run private",
      "HYPER_SETTINGS=settings/dev/roles/public-proxy-hyper-1 hyper server run",
      "HYPER_SETTINGS=settings/dev/roles/private-proxy-hyper-1 hyper server run",
      "curl --cacert settings/dev/certs/root.crt --resolve test.internal-server.local:4433:127.0.0.1 "
        + "https://test.internal-server.local:4433/jsonrpc | jq .",
      #"{ "message": "success" }"#,
      "seq 1 2000000 | parallel -j 25 curl --cacert settings/dev/certs/root.crt --resolve test.internal-server.local:4433:127.0.0.1 "
        + #"https://test.internal-server.local:4433/jsonrpc --data "{}""#,
    ]

    @Test(arguments: lines) func everyLineOfTheFiveTerminalsIsThereWordForWord(_ line: String) throws {
      let commands = try Repository.text(of: "README.md").split(separator: "\n").filter { $0.hasPrefix("    ") }.map { $0.dropFirst(4) }
      let isThere = commands.contains { command in command == line || (line.hasSuffix(" ") && command.hasPrefix(line)) }
      #expect(isThere)
    }

    @Test func demoAndTestComeFirst() throws {
      let commands = try Repository.text(of: "README.md").split(separator: "\n").filter { $0.hasPrefix("    ") }
      #expect(commands.first?.hasPrefix("    make demo") == true)
      #expect(commands.dropFirst().first?.hasPrefix("    make test") == true)
    }

    @Test(arguments: ["public-proxy-1", "private-proxy-1", "public-proxy-hyper-1", "private-proxy-hyper-1"])
    func theSettingsOfEveryRoleAreThere(_ role: String) throws {
      let files = try FileManager.default.contentsOfDirectory(atPath: "\(Repository.folder)/settings/dev/roles/\(role)")
      #expect(files.contains { $0.hasSuffix(".yml") })
    }
  }
}
