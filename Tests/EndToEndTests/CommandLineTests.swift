import Subprocess
import Testing

extension EndToEnd {
  /// What needs no settings, and what a mistyped command line gets.
  @Suite("command line") struct CommandLineTests {
    /// Nothing of this machine's environment decides about the answer.
    private static func run(_ command: [String]) async throws -> Output {
      try await Output.of(
        "\(Binaries.folder)/\(command[0])", Array(command.dropFirst()),
        environment: ["HYPER_SETTINGS": nil, "PROXY_SETTINGS": nil, "COLUMNS": "80"], within: .seconds(20))
    }

    @Test(arguments: Snapshots.help.indices) func helpIsAsWrittenDown(_ index: Int) async throws {
      let (command, text) = Snapshots.help[index]
      let output = try await Self.run(command.split(separator: " ").map(String.init))
      #expect(output.status == .exited(0))
      #expect(output.text.trimmingSuffix(while: \.isNewline) == text, "\(command)")
      #expect(output.errors.isEmpty)
    }

    @Test(arguments: ["hyper version", "proxy version", "internal-server --version"])
    func versionNeedsNoSettings(_ command: String) async throws {
      let output = try await Self.run(command.split(separator: " ").map(String.init))
      #expect(output.status == .exited(0))
      #expect(output.text.wholeMatch(of: /\d+\.\d+\.\d+(-[a-z0-9.]+)?\n/) != nil, "\(output.text)")
      #expect(output.errors.isEmpty)
    }

    @Test(arguments: [
      "hyper --nonsense", "hyper server run --nonsense", "proxy run --nonsense", "proxy run sideways", "internal-server --nonsense",
      "proxy --level loud version", "hyper --format xml version",
    ])
    func aMistypedCommandLineEndsWithTheUsageOnStandardError(_ command: String) async throws {
      let output = try await Self.run(command.split(separator: " ").map(String.init))
      #expect(output.status != .exited(0))
      #expect(output.text.isEmpty)
      #expect(output.errors.contains("Usage: \(command.prefix { $0 != " " })"), "\(output.errors)")
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(while isUnwanted: (Character) -> Bool) -> String {
    var text = self[...]
    while let last = text.last, isUnwanted(last) { text.removeLast() }
    return String(text)
  }
}
