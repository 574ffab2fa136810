import HyperModel
import Testing

/// A record with this section and data, complete otherwise.
private func record(_ section: JSONValue, _ data: JSONValue) -> JSONValue {
  ["name": "op-1", "section": section, "data": data, "created_at": "2026-11-23T01:36:48Z"]
}

@Suite struct ChangeRecords {
  @Test(
    "data is normalised: unknown keys are dropped, lists and names that may be absent are filled in",
    arguments: [
      ("groups", ["a", "b"], ["a", "b"]), ("groups", [], []),
      (
        "channels",
        [
          ["type": "grpc_server", "settings": ["address": "h:1", "own": nil], "x": 1], ["type": "grpc_client", "settings": nil],
          ["type": ""],
        ],
        [["type": "grpc_server", "settings": ["address": "h:1", "own": nil]], ["type": "grpc_client"], ["type": ""]]
      ),
      ("certificates", [["fingerprint": "AB", "key_usage": "other", "z": 1]], [["fingerprint": "AB", "key_usage": "other"]]),
      ("services", [["name": "s"]], [["name": "s", "permissions": [], "methods": []]]),
      (
        "services",
        [
          [
            "name": "s", "permissions": [["group": "*", "rights": ["call"], "x": 1]],
            "methods": [
              ["name": "m", "params": [1]],
              ["name": "n", "permissions": nil, "parameters": [["name": "p"], ["name": "q", "validators": [["type": "t", "x": 1]]]]],
              ["name": "o", "parameters": [["name": "r", "validators": [["type": "t", "parameters": ["any": [1]]]]]]],
            ],
          ]
        ],
        [
          [
            "name": "s", "permissions": [["group": "*", "rights": ["call"]]],
            "methods": [
              ["name": "m", "permissions": []],
              ["name": "n", "permissions": [], "parameters": [["name": "p"], ["name": "q", "validators": [["type": "t"]]]]],
              ["name": "o", "permissions": [], "parameters": [["name": "r", "validators": [["type": "t", "parameters": ["any": [1]]]]]]],
            ],
          ]
        ]
      ),
      (
        "services", [["name": "s", "permissions": [["group": "g", "rights": []]]]],
        [["name": "s", "permissions": [["group": "g", "rights": []]], "methods": []]]
      ),
      ("settings", [["settings": ["a": 1]]], [["operator": "", "service": "", "environment": "", "settings": ["a": 1]]]),
      (
        "preferences", [["operator": "o", "service": nil, "environment": "e", "settings": [:], "x": 1]],
        [["operator": "o", "service": "", "environment": "e", "settings": [:]]]
      ),
    ] as [(JSONValue, JSONValue, JSONValue)])
  func normalised(section: JSONValue, data: JSONValue, expected: JSONValue) throws {
    let read = try ChangeRecord(json: record(section, data))
    #expect(read.name == "op-1")
    #expect(read.section.rawValue == section.string)
    #expect(read.data == expected)
    #expect(read.json == record(section, expected))
    #expect(try ChangeRecord(json: read.json) == read)
  }

  @Test(
    "a record that does not fit is refused with the place",
    arguments: [
      ([], "expected an object, found a list"), (["section": "groups"], "name: expected a string, found nothing"),
      (["name": 5], "name: expected a string, found a number"), (["name": ""], "name: expected the name of an operator, found ''"),
      (["name": "a"], "section: expected a string, found nothing"),
      (
        ["name": "a", "section": "properties"],
        "section: expected one of channels, certificates, services, preferences, settings, groups, found 'properties'"
      ),
      (["name": "a", "section": "groups", "data": []], "created_at: expected a string, found nothing"),
      (
        ["name": "a", "section": "groups", "data": [], "created_at": "yesterday"],
        "created_at: expected an RFC 3339 time such as 2026-01-31T12:00:00Z, found 'yesterday'"
      ),
      (record("groups", nil), "data: expected a list, found null"),
      (record("groups", ["a", 1]), "data[1]: expected a string, found a number"),
      (record("channels", [[:]]), "data[0].type: expected a string, found nothing"),
      (record("channels", [["type": "a", "settings": []]]), "data[0].settings: expected an object, found a list"),
      (record("channels", ["x"]), "data[0].type: expected a string, found nothing"),
      (record("certificates", [["fingerprint": "a"]]), "data[0].key_usage: expected a string, found nothing"),
      (record("services", [["permissions": []]]), "data[0].name: expected a string, found nothing"),
      (record("services", [["name": "s", "methods": [:]]]), "data[0].methods: expected a list, found an object"),
      (record("services", [["name": "s", "methods": [["name": false]]]]), "data[0].methods[0].name: expected a string, found false"),
      (
        record("services", [["name": "s", "permissions": [["group": "g", "rights": ["call", "call"]]]]]),
        "data[0].permissions[0].rights[1]: expected no right twice, found 'call'"
      ),
      (
        record("services", [["name": "s", "permissions": [["group": "g", "rights": ["write"]]]]]),
        "data[0].permissions[0].rights[0]: expected 'call', found 'write'"
      ),
      (
        record("services", [["name": "s", "permissions": [["group": "g"]]]]),
        "data[0].permissions[0].rights: expected a list, found nothing"
      ),
      (
        record("services", [["name": "s", "methods": [["name": "m", "parameters": [["validators": []]]]]]]),
        "data[0].methods[0].parameters[0].name: expected a string, found nothing"
      ),
      (record("settings", [["service": "s"]]), "data[0].settings: expected an object, found nothing"),
      (record("preferences", [["operator": 1, "settings": [:]]]), "data[0].operator: expected a string, found a number"),
    ] as [(JSONValue, String)])
  func refused(json: JSONValue, message: String) {
    let error = #expect(throws: ShapeError.self) { try ChangeRecord(json: json) }
    #expect(error?.description == message)
  }

  @Test("what a message quotes is shortened and escaped") func quoted() {
    #expect("a\nb\u{1b}[0m\u{202e}ä😀".shortened == "'a\\nb\\u{1B}[0m\\u{202E}ä😀'")
    let long = String(repeating: "x", count: 1000)
    #expect(long.excerpt == String(repeating: "x", count: 128) + "…")
    #expect(String(repeating: "x", count: 128).excerpt.count == 128)
  }
}
