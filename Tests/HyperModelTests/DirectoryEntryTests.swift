import HyperModel
import Testing

private func change(_ name: OperatorName, _ section: ChangeRecord.Section, _ data: JSONValue) throws -> ChangeRecord {
  try ChangeRecord(json: [
    "name": .string(name.text), "section": .string(section.rawValue), "data": data, "created_at": "2026-11-23T01:36:48Z",
  ])
}

@Suite struct DirectorySnapshots {
  @Test("records are replayed in order and replace whole sections of their operator only") func replay() throws {
    let records = [
      try change("a", .groups, ["one", "two"]), try change("b", .groups, ["three"]), try change("a", .channels, [["type": "x"]]),
      try change("a", .groups, ["four"]),
    ]
    let snapshot = DirectorySnapshot(version: 7, replaying: records)
    #expect(snapshot.version == 7)
    #expect(snapshot.entries.count == 2)
    #expect(snapshot["a"]?.groups == ["four"])
    #expect(snapshot["a"]?.channels == [.init(type: "x")])
    #expect(snapshot["a"]?.records == [records[0], records[2], records[3]])
    #expect(snapshot["b"]?.groups == ["three"])
    #expect(snapshot["c"] == nil)
  }

  @Test("every section reaches its place") func sections() throws {
    let snapshot = DirectorySnapshot(
      version: 1,
      replaying: [
        try change(
          "a", .certificates, [["fingerprint": "AA", "key_usage": "encryption"], ["fingerprint": "bb", "key_usage": "signing"]]),
        try change("a", .services, [["name": "s", "permissions": [["group": "g", "rights": ["call"]]], "methods": [["name": "m"]]]]),
        try change("a", .settings, [["service": "s", "settings": ["k": 1]]]), try change("a", .preferences, [["settings": ["p": 2]]]),
      ])
    let entry = try #require(snapshot["a"])
    #expect(entry.services == [.init(name: "s", permissions: [.init(group: "g", rights: ["call"])], methods: [.init(name: "m")])])
    #expect(entry.settings == [.init(service: "s", settings: ["k": 1])])
    #expect(entry.preferences == [.init(settings: ["p": 2])])
    #expect(snapshot.encryptionPins(for: "a") == ["aa"])
    #expect(snapshot.encryptionPins(for: "nobody").isEmpty)
  }

  @Test("data that was never checked makes an empty section") func unchecked() throws {
    let bad = ChangeRecord(name: "a", section: .groups, data: [1], createdAt: "")
    #expect(DirectorySnapshot(version: 1, replaying: [try change("a", .groups, ["x"]), bad])["a"]?.groups == [])
  }
}

@Suite struct DirectoryEntries {
  private func entry() throws -> DirectoryEntry {
    let snapshot = DirectorySnapshot(
      version: 1,
      replaying: [
        try change("a", .groups, ["g1", "g2"]),
        try change("a", .channels, [["type": "grpc_server", "settings": ["address": "h:1"]], ["type": "grpc_client"]]),
        try change("a", .certificates, [["fingerprint": "aa", "key_usage": "encryption"]]),
        try change(
          "a", .services,
          [
            [
              "name": "s", "permissions": [["group": "g", "rights": ["call"]]],
              "methods": [["name": "m"], ["name": "n", "parameters": [["name": "p"]]]],
            ]
          ]),
        try change("a", .settings, [["operator": "b", "service": "s", "settings": ["k": 1]]]),
      ])
    return try #require(snapshot["a"])
  }

  @Test("an entry is written with all its members, null for what is absent") func json() throws {
    let entry = try entry()
    let json = entry.json
    #expect(
      json
        == [
          "name": "a", "groups": ["g1", "g2"],
          "channels": [["type": "grpc_server", "settings": ["address": "h:1"]], ["type": "grpc_client", "settings": nil]],
          "certificates": [["fingerprint": "aa", "key_usage": "encryption"]],
          "services": [
            [
              "name": "s", "permissions": [["group": "g", "rights": ["call"]]],
              "methods": [
                ["name": "m", "permissions": [], "parameters": nil], ["name": "n", "permissions": [], "parameters": [["name": "p"]]],
              ],
            ]
          ], "settings": [["operator": "b", "service": "s", "environment": "", "settings": ["k": 1]]], "preferences": nil,
          "properties": ["displayName": ""],
          "records": .array(entry.records.map { ["hash": "", "parent_hash": "", "signature": nil, "record": $0.json] }),
        ])
    #expect(json["records"]?.array?.count == 5)
    #expect(json["records"]?.array?.first?["record"]?["data"] == ["g1", "g2"])
  }

  @Test("an entry is read back, without its records") func roundTrip() throws {
    var expected = try entry()
    let read = try DirectoryEntry(json: expected.json)
    expected.records = []
    #expect(read == expected)
  }

  @Test("an entry without anything is written with empty lists") func empty() throws {
    let json = DirectoryEntry(name: "x").json
    for key in ["groups", "channels", "services", "certificates", "settings", "records"] { #expect(json[key] == []) }
    #expect(try DirectoryEntry(json: json) == DirectoryEntry(name: "x"))
  }

  @Test("null and nothing are empty, unknown members are ignored") func tolerant() throws {
    let bare = DirectoryEntry(name: "x")
    #expect(try DirectoryEntry(json: ["name": "x", "channels": []]) == bare)
    #expect(
      try DirectoryEntry(
        json: [
          "name": "x", "channels": [], "groups": nil, "services": nil, "certificates": nil, "settings": nil, "preferences": nil,
          "records": 5,
          "properties": nil, "more": 1,
        ]) == bare)
  }

  @Test(
    "an entry without name or channels is refused",
    arguments: [
      (nil, "name: expected a string, found nothing"), (["channels": []], "name: expected a string, found nothing"),
      (["name": 1, "channels": []], "name: expected a string, found a number"), (["name": "x"], "channels: expected a list, found nothing"),
      (["name": "x", "channels": nil], "channels: expected a list, found null"),
      (["name": "x", "channels": [], "settings": [[:]]], "settings[0].settings: expected an object, found nothing"),
    ] as [(JSONValue, String)])
  func refused(json: JSONValue, message: String) {
    let error = #expect(throws: ShapeError.self) { try DirectoryEntry(json: json) }
    #expect(error?.description == message)
  }

  @Test("the caller is read out of a request's parameters") func clientParameter() throws {
    var expected = try entry()
    let params: [String: JSONValue] = ["domain": "d", "_client": ClientParameter(entry: expected).json]
    let client = try ClientParameter(in: params)
    expected.records = []
    #expect(client.name == "a")
    #expect(client.entry == expected)
  }

  @Test(
    "a caller that is not complete is refused",
    arguments: [
      ([:], "_client.name: expected a string, found nothing"), (["_client": nil], "_client.name: expected a string, found nothing"),
      (["_client": ["name": "a"]], "_client.entry.name: expected a string, found nothing"),
      (["_client": ["name": "a", "entry": ["name": "a", "channels": nil]]], "_client.entry.channels: expected a list, found null"),
    ] as [([String: JSONValue], String)])
  func incompleteClient(params: [String: JSONValue], message: String) {
    let error = #expect(throws: ShapeError.self) { try ClientParameter(in: params) }
    #expect(error?.description == message)
  }
}

@Suite struct Permissions {
  private func entry(_ services: [DirectoryEntry.Service]) -> DirectoryEntry {
    var entry = DirectoryEntry(name: "callee")
    entry.services = services
    return entry
  }

  private let call = { (group: String) in DirectoryEntry.Permission(group: group, rights: ["call"]) }

  @Test("a group of the service or of the method lets its members call") func groups() {
    let entry = entry([.init(name: "s", permissions: [call("a")], methods: [.init(name: "m", permissions: [call("b")]), .init(name: "n")])])
    #expect(entry.permits("m", callerGroups: ["x", "a"]))
    #expect(entry.permits("m", callerGroups: ["b"]))
    #expect(entry.permits("n", callerGroups: ["a"]))
    #expect(!entry.permits("n", callerGroups: ["b"]))
    #expect(!entry.permits("m", callerGroups: ["c"]))
    #expect(!entry.permits("m", callerGroups: []))
  }

  @Test("the group * is everybody, as a permission and only there") func everybody() {
    let open = entry([.init(name: "s", methods: [.init(name: "m", permissions: [call("*")])])])
    #expect(open.permits("m", callerGroups: []))
    let closed = entry([.init(name: "s", permissions: [call("a")], methods: [.init(name: "m")])])
    #expect(!closed.permits("m", callerGroups: ["*"]))
  }

  @Test("a method that no service lists is denied, whatever the services allow") func unlisted() {
    let entry = entry([.init(name: "s", permissions: [call("*")], methods: [.init(name: "m")])])
    #expect(!entry.permits("other", callerGroups: ["a"]))
    #expect(!entry.permits("", callerGroups: ["a"]))
    #expect(!DirectoryEntry(name: "x").permits("m", callerGroups: ["a"]))
  }

  @Test("the first service that lists the method decides alone") func firstService() {
    let entry = entry([
      .init(name: "none", permissions: [call("*")]), .init(name: "s", permissions: [call("a")], methods: [.init(name: "m")]),
      .init(name: "t", permissions: [call("*")], methods: [.init(name: "m")]),
    ])
    #expect(entry.permits("m", callerGroups: ["a"]))
    #expect(!entry.permits("m", callerGroups: ["b"]))
  }

  @Test("a permission without the right to call allows nothing") func rights() {
    let entry = entry([
      .init(name: "s", permissions: [.init(group: "*", rights: []), .init(group: "a", rights: ["read"])], methods: [.init(name: "m")])
    ])
    #expect(!entry.permits("m", callerGroups: ["a"]))
  }

  @Test("methods and groups are compared byte for byte") func bytes() {
    let entry = entry([.init(name: "s", permissions: [call("caf\u{e9}")], methods: [.init(name: "m\u{e9}")])])
    #expect(entry.permits("m\u{e9}", callerGroups: ["caf\u{e9}"]))
    #expect(!entry.permits("me\u{301}", callerGroups: ["caf\u{e9}"]))
    #expect(!entry.permits("m\u{e9}", callerGroups: ["cafe\u{301}"]))
  }

  @Test("the first settings that fit are found, empty names fit any") func settings() {
    var entry = DirectoryEntry(name: "x")
    entry.settings = [
      .init(operatorName: "a", service: "proxy", settings: ["n": 1]), .init(operatorName: "a", settings: ["n": 2]),
      .init(service: "proxy", settings: ["n": 3]),
      .init(operatorName: "b", service: "other", settings: ["n": 4]),
    ]
    #expect(entry.settings(service: "proxy", for: "a") == ["n": 1])
    #expect(entry.settings(service: "other", for: "a") == ["n": 2])
    #expect(entry.settings(service: "proxy", for: "b") == ["n": 3])
    #expect(entry.settings(service: "other", for: "b") == ["n": 4])
    #expect(entry.settings(service: "other", for: "c") == nil)
  }
}
