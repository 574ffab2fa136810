import Foundation
import HyperModel
import Subprocess
import Testing

extension EndToEnd {
  /// A program that cannot start says why in one line (settings: one per mistake) and ends with the status that fits.
  @Suite("start-up errors") struct StartErrorTests {
    /// How a program that does not get far ended, and what it printed besides log lines.
    struct Ending {
      let status: TerminationStatus
      let errors: [String]
      let all: [String]
    }

    /// Starts a program that is to end by itself.
    private static func ending(of program: ProgramUnderTest) async throws -> Ending {
      try await program.start()
      let status = try await program.ended(within: .seconds(20))
      // A log line begins with a time; an error with the name of its program.
      let errors = program.lines.filter { $0.prefixMatch(of: /\d{4}-\d{2}-\d{2}T/) == nil }
      return Ending(status: status, errors: errors, all: program.lines)
    }

    private static func write(_ text: String, to path: String) throws {
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    private static func program(
      _ command: String, in stack: Stack, _ environment: [String: String?]
    ) -> ProgramUnderTest {
      let words = command.split(separator: " ").map(String.init)
      return ProgramUnderTest(
        name: command, executable: "\(Binaries.folder)/\(words[0])", arguments: Array(words.dropFirst()), environment: environment,
        workingDirectory: stack.folder)
    }

    // MARK: Settings

    @Test func everyMistakeOfTheSettingsIsListedWithItsPlace() async throws {
      try await Stack.prepared { stack in
        let settings = """
          public:
            name: public-proxy-1
            tls_bind_adress: "127.0.0.1:4433"
            internal_bind_address: 9999
            accept_timeout: long
            datastore:
              type: redis
            jsonrpc_client:
              endpoint: "localhost"
          """
        try Self.write(settings, to: "\(stack.folder)/bad/001.yml")
        let ending = try await Self.ending(of: Self.program("proxy run public", in: stack, ["PROXY_SETTINGS": "bad"]))
        #expect(ending.status == .exited(2))
        let expected = [
          (":3:3: public.tls_bind_adress", "tls_bind_address"), (":4:26: public.internal_bind_address", "9999"),
          (":5:19: public.accept_timeout", "number of seconds"), (":7:11: public.datastore.type", "not supported yet"),
          (":9:15: public.jsonrpc_client.endpoint", "https://"), (":2:3: public.jsonrpc_server", "nothing"),
        ]
        for (place, words) in expected {
          #expect(ending.errors.contains { $0.contains("bad/001.yml\(place)") && $0.contains(words) }, "\(place): \(ending.all)")
        }
        #expect(ending.errors.count == expected.count, "\(ending.all.joined(separator: "\n"))")
        #expect(ending.errors.allSatisfy { $0.hasPrefix("proxy: ") })
      }
    }

    @Test(arguments: [
      ("proxy run public", "PROXY_SETTINGS"), ("proxy run private", "PROXY_SETTINGS"), ("hyper server run", "HYPER_SETTINGS"),
    ])
    func aVariableThatIsNotSetIsNamed(_ command: String, _ variable: String) async throws {
      try await Stack.prepared { stack in
        let ending = try await Self.ending(of: Self.program(command, in: stack, [variable: nil]))
        #expect(ending.status == .exited(2))
        #expect(ending.errors.count == 1 && ending.errors[0].contains("\(variable) is not set"), "\(ending.all)")
      }
    }

    @Test(arguments: [("public", "private-proxy-1"), ("private", "public-proxy-1")])
    func theSettingsOfTheOtherRoleAreTheWrongOnes(_ role: String, _ other: String) async throws {
      try await Stack.prepared { stack in
        let settings = "settings/dev/roles/\(other)"
        let ending = try await Self.ending(of: Self.program("proxy run \(role)", in: stack, ["PROXY_SETTINGS": settings]))
        #expect(ending.status == .exited(2))
        #expect(ending.errors.count == 1 && ending.errors[0].contains("no '\(role)' section"), "\(ending.all)")
      }
    }

    @Test func aFolderThatDoesNotExistIsNamed() async throws {
      try await Stack.prepared { stack in
        let ending = try await Self.ending(of: Self.program("hyper server run", in: stack, ["HYPER_SETTINGS": "no/such/folder"]))
        #expect(ending.status == .exited(2))
        #expect(ending.errors.count == 1 && ending.errors[0].contains("no/such/folder"), "\(ending.all)")
      }
    }

    // MARK: Certificates

    /// All that read a certificate or a key.
    static let readers = [
      ("public proxy", "public-proxy-1"), ("public node", "public-proxy-1"), ("private node", "private-proxy-1"),
      ("internal server", "internal-server"),
    ]

    private static func program(_ name: String, of stack: Stack) throws -> ProgramUnderTest {
      try #require(stack.all.first { $0.name == name })
    }

    private static func expectOneLine(_ ending: Ending, status: Int32 = 1, containing words: [String]) {
      #expect(ending.status == .exited(status), "\(ending.all)")
      #expect(ending.errors.count == 1, "\(ending.all.joined(separator: "\n"))")
      for word in words { #expect(ending.errors.first?.contains(word) == true, "\(word): \(ending.all)") }
    }

    @Test(arguments: readers) func aMissingCertificateSuggestsMakingOne(_ name: String, _ certificate: String) async throws {
      try await Stack.prepared { stack in
        try FileManager.default.removeItem(atPath: "\(stack.certificates)/\(certificate).crt")
        let ending = try await Self.ending(of: Self.program(name, of: stack))
        Self.expectOneLine(ending, containing: ["\(certificate).crt", "make certs"])
      }
    }

    @Test(arguments: readers) func aKeyThatIsNoKeyIsNamed(_ name: String, _ certificate: String) async throws {
      try await Stack.prepared { stack in
        try Self.write("no key\n", to: "\(stack.certificates)/\(certificate).key")
        let ending = try await Self.ending(of: Self.program(name, of: stack))
        Self.expectOneLine(ending, containing: ["\(certificate).key"])
      }
    }

    /// A folder in the key's place cannot be read by anybody, not even by root, whom permissions do not stop.
    @Test(arguments: readers) func aKeyThatCannotBeReadIsNamed(_ name: String, _ certificate: String) async throws {
      try await Stack.prepared { stack in
        let key = "\(stack.certificates)/\(certificate).key"
        try FileManager.default.removeItem(atPath: key)
        try FileManager.default.createDirectory(atPath: key, withIntermediateDirectories: false)
        let ending = try await Self.ending(of: Self.program(name, of: stack))
        Self.expectOneLine(ending, containing: ["\(certificate).key"])
      }
    }

    @Test func aKeyThatBelongsToAnotherCertificateIsNamed() async throws {
      try await Stack.prepared { stack in
        let folder = stack.certificates
        try FileManager.default.removeItem(atPath: "\(folder)/public-proxy-1.key")
        try FileManager.default.copyItem(atPath: "\(folder)/hd-1.key", toPath: "\(folder)/public-proxy-1.key")
        let ending = try await Self.ending(of: stack.publicNode)
        Self.expectOneLine(ending, containing: ["public-proxy-1.key"])
      }
    }

    // MARK: Addresses

    static let listeners = [
      ("public proxy", "tls"), ("public proxy", "tokens"), ("public proxy", "proxyRPC"), ("public node", "grpc"),
      ("public node", "nodeRPC"),
      ("internal server", "internalServer"),
    ]

    @Test(arguments: listeners) func aPortInUseIsNamed(_ name: String, _ port: String) async throws {
      try await Stack.prepared { stack in
        let ports = stack.ports
        let number = try #require(
          [
            "tls": ports.tls, "tokens": ports.tokens, "proxyRPC": ports.proxyRPC, "grpc": ports.grpc, "nodeRPC": ports.nodeRPC,
            "internalServer": ports.internalServer,
          ][port])
        let inTheWay = try Listener(port: number)
        defer { inTheWay.close() }
        let ending = try await Self.ending(of: Self.program(name, of: stack))
        Self.expectOneLine(ending, containing: [":\(number)", "in use"])
      }
    }

    @Test func aSocketWhoseOwnerLivesIsLeftAlone() async throws {
      try await Stack.prepared { stack in
        try await stack.privateNode.start()
        try await stack.privateNode.ready()
        let owner = try #require(stack.privateNode.pid)
        let second = Self.program(
          "hyper server run", in: stack, ["HYPER_SETTINGS": "settings/dev/roles/private-proxy-hyper-1"])
        let ending = try await Self.ending(of: second)
        Self.expectOneLine(ending, containing: ["already running", "run/private-proxy-hyper-1.sock", "\(owner)"])
        let answer = try await stack.call("private-proxy-1._ping", at: "private-proxy-hyper-1.sock")
        #expect(answer["result"]?["version"]?.string != nil, "the first one no longer answers: \(answer)")
      }
    }

    @Test func aSocketPathThatIsTooLongIsNamed() async throws {
      let long = "run/\(String(repeating: "long", count: 30)).sock"
      try await Stack.prepared([.replace(.privateNode, "unix:run/private-proxy-hyper-1.sock", by: "unix:\(long)")]) { stack in
        let ending = try await Self.ending(of: stack.privateNode)
        #expect(ending.status == .exited(2))
        #expect(ending.errors.contains { $0.contains("unix:run/longlong") && $0.contains("at most 107 bytes") }, "\(ending.all)")
      }
    }

    @Test func aDatastoreThatCannotBeOpenedIsNamed() async throws {
      try await Stack.prepared { stack in
        try FileManager.default.createDirectory(atPath: "\(stack.folder)/run/public-proxy-1.sqlite", withIntermediateDirectories: true)
        let ending = try await Self.ending(of: stack.publicProxy)
        Self.expectOneLine(ending, containing: ["run/public-proxy-1.sqlite"])
      }
    }

    @Test func aDirectoryFileThatIsNoJSONIsNamed() async throws {
      try await Stack.prepared { stack in
        try Self.write("{\"records\": [", to: "\(stack.folder)/settings/dev/directory/003_broken.json")
        let ending = try await Self.ending(of: stack.publicNode)
        Self.expectOneLine(ending, containing: ["003_broken.json"])
      }
    }
  }
}
