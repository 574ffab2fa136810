import Testing

@testable import Settings

@Suite struct YAMLTests {
  @Test(
    arguments: [
      ("yes", .bool(true)), ("No", .bool(false)), ("on", .bool(true)), ("OFF", .bool(false)), ("true", .bool(true)),
      ("FALSE", .bool(false)),
      ("~", .null), ("", .null), ("null", .null), ("nULL", .string("nULL")), ("tRue", .string("tRue")), ("y", .string("y")),
      ("42", .integer(42)), ("-7", .integer(-7)), ("+7", .integer(7)), ("0x1F", .integer(31)), ("0b101", .integer(5)),
      ("0o17", .integer(15)),
      ("0660", .integer(432)), ("0", .integer(0)), ("1_000", .integer(1000)), ("089", .number(89)),
      ("9223372036854775808", .number(9223372036854775808)),
      ("1.5", .number(1.5)), (".5", .number(0.5)), ("1.", .number(1)), ("1e3", .number(1000)), ("-1.5E-2", .number(-0.015)),
      ("-.inf", .number(-.infinity)),
      ("10:30", .string("10:30")), ("1.2.3", .string("1.2.3")), ("-", .string("-")), ("+-1", .string("+-1")), ("--1", .string("--1")),
      ("0x", .string("0x")),
      ("2026-01-01", .string("2026-01-01")), ("2026-01-01T00:00:00Z", .string("2026-01-01T00:00:00Z")), ("1e", .string("1e")),
      ("localhost:80", .string("localhost:80")),
    ] as [(String, SettingsValue.Content)])
  func plainScalarsMeanWhatTheyDoInExistingFiles(text: String, content: SettingsValue.Content) {
    #expect(plainScalar(text) == content)
  }

  @Test func quotedScalarsAreStrings() throws {
    #expect(try tree("a: 'yes'\nb: \"1\"\nc: |\n  1\nd: !!str 5\ne: ''") == #"{a: "yes", b: "1", c: "1\n", d: "5", e: ""}"#)
  }

  @Test func tagsThatFitAreFollowed() throws {
    #expect(
      try tree("a: !!float 1\nb: !!int 0x10\nc: !!bool yes\nd: !!null ~\ne: !!map {}\nf: !!seq []\ng: ! 5")
        == #"{a: 1.0, b: 16, c: true, d: null, e: {}, f: [], g: "5"}"#)
    #expect(try problems("a: !!int x") == [#"a.yml:1:4: "x" does not fit its tag "tag:yaml.org,2002:int""#])
    #expect(try problems("a: !mine x") == [#"a.yml:1:4: unknown tag "!mine""#])
    #expect(try problems("a: !mine {}") == [#"a.yml:1:4: unknown tag "!mine""#])
  }

  @Test func valuesKnowWhereTheyWereWritten() throws {
    let loaded = try Folder(["a.yml": "# first\nname: x\nchannels:\n  - type: y\n    n: [1,\n        ü2]\n"]).load()
    #expect(place(loaded, "name") == "a.yml:2:7")
    #expect(place(loaded, "channels") == "a.yml:4:3")
    #expect(place(loaded, "channels.0") == "a.yml:4:5")
    #expect(place(loaded, "channels.0.n.1") == "a.yml:6:9")
  }

  @Test func mergeKeysFillInWhatIsMissing() throws {
    let text = "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\na:\n  <<: *b\n  x: 9\nb:\n  <<: [*b, *m]\n"
    #expect(try tree(text) == "{base: {x: 1, y: 2}, more: {y: 3, z: 4}, a: {x: 9, y: 2}, b: {x: 1, y: 2, z: 4}}")
    #expect(try tree("a:\n  '<<': 1") == "{a: {<<: 1}}")
    #expect(try problems("a:\n  <<: 1") == ["a.yml:2:7: expected a map to merge, found the whole number 1"])
    #expect(try problems("a:\n  <<: [x]") == [#"a.yml:2:8: expected a map to merge, found the string "x""#])
  }

  @Test func keysHaveToBeStrings() throws {
    #expect(try problems("a: 1\nyes: 2") == ["a.yml:2:1: expected a string as key (put the key in quotes)"])
    #expect(try problems("1: 2") == ["a.yml:1:1: expected a string as key (put the key in quotes)"])
    #expect(try problems("? [a]\n: 2") == ["a.yml:1:3: expected a string as key (put the key in quotes)"])
    #expect(try tree("'yes': 2") == "{yes: 2}")
  }

  @Test func aKeyThatStandsTwiceIsAnError() throws {
    let lines = try problems("a: 1\nb: 2\nb: 3")
    #expect(lines == [#"a.yml:2:1: the key "b" stands twice in this map"#])
  }

  @Test func syntaxErrorsHaveTheirPlace() throws {
    let unclosed = try problems("a: [1\nb: 2")
    #expect(unclosed.count == 1)
    #expect(unclosed.first?.hasPrefix("a.yml:2:2: not valid YAML: while parsing a flow sequence") == true, "\(unclosed)")
    let tab = try problems("a:\n\tb: 1")
    #expect(tab.first?.hasPrefix("a.yml:2:1: not valid YAML: ") == true, "\(tab)")
    #expect(tab.first?.contains("indent with spaces, not tabs") == true)
    let two = try problems("a: 1\n---\nb: 2")
    #expect(two.first?.hasPrefix("a.yml:2:1: not valid YAML: ") == true, "\(two)")
    #expect(try problems("a: *nobody").first?.hasPrefix("a.yml:1:4: not valid YAML: found undefined alias") == true)
    #expect(try problems("a: \u{1}").first?.hasPrefix("a.yml:1:4: not valid YAML: ") == true)
  }

  @Test func anAliasBombIsCutShort() throws {
    var text = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n"
    for level in 1...8 { text += "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ",") + "]\n" }
    let lines = try problems(text)
    #expect(lines.count == 1)
    #expect(lines.first?.contains("more than 20000 values, aliases unfolded") == true)
  }

  @Test(arguments: [70, 990, 100_000])
  func deepNestingIsRefused(depth: Int) throws {
    #expect(try problems("a: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).count == 1)
    #expect(try problems(String(repeating: "- ", count: depth) + "x").count == 1)
    let json = #"{"a":"# + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
    #expect(try problems(json, named: "a.json").count == 1)
  }

  @Test func nestingThatIsAllowedWorks() throws {
    let text = String(repeating: "[", count: 60) + String(repeating: "]", count: 60)
    #expect(try tree("a: " + text) == "{a: \(text)}")
  }
}
