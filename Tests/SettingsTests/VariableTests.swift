import Testing

@testable import Settings

@Suite struct VariableTests {
  func vars(_ definition: String, _ rest: String = "x: $v", environment: [String: String] = [:]) throws -> String {
    try tree("vars: {v: {\(definition)}}\n\(rest)", environment: environment)
  }

  func failure(_ definition: String, _ rest: String = "x: $v", environment: [String: String] = [:]) throws -> [String] {
    try problems("vars: {v: {\(definition)}}\n\(rest)", environment: environment)
  }

  @Test(arguments: [
    ("type: string, source: literal, value: hello", #""hello""#), ("type: int, source: literal, value: 5", "5"),
    ("type: int, source: literal, value: '-5'", "-5"),
    ("type: int, source: literal, value: 5.0", "5"), ("type: float, source: literal, value: 5", "5"),
    ("type: float, source: literal, value: '1.5'", "1.5"),
    ("type: json, source: literal, value: '{\"a\": [1]}'", "{a: [1]}"), ("type: yaml, source: literal, value: 'a: yes'", "{a: true}"),
    ("type: any, source: literal, value: [1, {a: 2}]", "[1, {a: 2}]"), ("type: string, source: literal, value: null", "null"),
    ("type: any, source: literal, value: ''", #""""#),
  ])
  func literalsHaveTheirType(definition: String, value: String) throws {
    #expect(try vars(definition) == "{x: \(value)}")
  }

  @Test func theEnvironmentIsLookedUp() throws {
    let environment = ["PORT": "4444", "EMPTY": "", "LIST": "[1, 2]"]
    #expect(try vars("type: int, source: env, variable: PORT", environment: environment) == "{x: 4444}")
    #expect(try vars("type: string, source: env, variable: PORT", environment: environment) == #"{x: "4444"}"#)
    #expect(try vars("type: json, source: env, variable: LIST", environment: environment) == "{x: [1, 2]}")
    #expect(try vars("type: int, source: env, variable: NONE", environment: environment) == "{x: null}")
    #expect(try vars("type: int, source: env, variable: NONE, default: 7", environment: environment) == "{x: 7}")
    #expect(try vars("type: string, source: env, variable: EMPTY, default: d", environment: environment) == #"{x: "d"}"#)
    #expect(try vars("type: string, source: env, variable: NONE, default: ''", environment: environment) == "{x: null}")
  }

  @Test(arguments: [
    (
      "type: string, source: env, variable: NONE, required: yes",
      "a.yml:1:49: vars.v.variable: expected the environment variable NONE to be set, found nothing (set it, or give a default)"
    ),
    ("type: string, source: prompt", #"a.yml:1:34: vars.v.source: the source "prompt" is not supported (use source: env)"#),
    ("type: string, source: file", #"a.yml:1:34: vars.v.source: expected env or literal, found the string "file""#),
    (
      "type: text, source: literal, value: 1",
      #"a.yml:1:18: vars.v.type: expected one of string, int, float, json, yaml, any, found the string "text""#
    ),
    ("source: literal, value: 1", "a.yml:1:11: vars.v.type: expected a string, found nothing"),
    ("type: int, source: literal", "a.yml:1:11: vars.v.value: expected a value, found nothing"),
    ("type: int, source: env", "a.yml:1:11: vars.v.variable: expected a string, found nothing"),
    ("type: int, source: literal, value: x", #"a.yml:1:47: vars.v: expected a value of type int, found the string "x""#),
    ("type: string, source: literal, value: 5", "a.yml:1:50: vars.v: expected a value of type string, found the whole number 5"),
    ("type: float, source: literal, value: nan", #"a.yml:1:49: vars.v: expected a value of type float, found the string "nan""#),
    (
      "type: json, source: literal, value: '{'",
      "a.yml:1:48: vars.v: not valid JSON: expected a key in quotes, found the end, at 1:2 of its text"
    ),
    ("type: int, source: literal, value: 1, defualt: 2", "a.yml:1:50: vars.v.defualt: unknown key"),
    ("type: int, source: env, variable: A, requird: true", #"a.yml:1:49: vars.v.requird: unknown key (did you mean "required"?)"#),
  ])
  func definitionsThatCannotWorkAreRefused(definition: String, problem: String) throws {
    #expect(try failure(definition) == [problem])
  }

  @Test func valuesFromTheEnvironmentAreNeverShown() throws {
    let environment = ["SECRET": "hunter2"]
    for type in ["int", "float", "json", "yaml: x"] where !type.contains(":") {
      let lines = try failure("type: \(type), source: env, variable: SECRET", environment: environment)
      #expect(lines.count == 1)
      #expect(!lines.joined().contains("hunter2"), "\(lines)")
    }
    let loaded = try Folder([
      "a.yml": "vars: {v: {type: string, source: env, variable: SECRET}}\nname: a\ndirectory: \"a $v\"\nchannels: $v"
    ])
    .load(environment: environment)
    let lines = lines { () throws(SettingsFailure) in _ = try NodeSettings(loaded) }
    #expect(
      lines == [
        "a.yml:3:12: directory: expected a map, found a value from the environment (not shown)",
        "a.yml:4:11: channels: expected a list, found a value from the environment (not shown)",
      ])
  }

  @Test func variableNamesAndShapesAreChecked() throws {
    #expect(
      try problems("vars: {1a: {type: any, source: literal, value: 1}, b: 5}\nx: $b") == [
        #"a.yml:1:8: vars.1a: expected a name of letters, digits and _ that starts with a letter, found "1a""#,
        "a.yml:1:55: vars.b: expected a map, found the whole number 5",
      ])
    #expect(try problems("vars: [1]") == ["a.yml:1:7: vars: expected a map, found a list"])
  }

  @Test func contextVariablesOverrideOthersAndLackTheSlash() throws {
    let folder = try Folder(["s/a.yml": "vars: {DIR: {type: string, source: literal, value: other}}\nx: $DIR\ny: /$DIR/../certs/$PATH"])
    let directory = folder.path.dropFirst() + "/s"
    #expect(plain(try folder.load("s").root) == #"{x: "\#(directory)", y: "/\#(directory)/../certs/\#(directory)/a.yml"}"#)
  }

  @Test(
    arguments: [
      ("a", [.text("a")]), ("$a", [.variable("a")]), ("$a_1-b", [.variable("a_1"), .text("-b")]),
      ("x$a$b", [.text("x"), .variable("a"), .variable("b")]),
      ("$$a", [.text("$a")]), ("$$$a", [.text("$"), .variable("a")]), ("$$$$", [.text("$$")]), ("^a$", [.text("^a$")]),
      ("$1", [.text("$1")]), ("$_a", [.text("$_a")]),
      ("$", [.text("$")]), ("", []), ("ü$a ü", [.text("ü"), .variable("a"), .text(" ü")]), ("a$$", [.text("a$")]),
    ] as [(String, [Substitution.Piece])])
  func textsAreTakenApart(text: String, pieces: [Substitution.Piece]) {
    #expect(Substitution.pieces(of: text) == pieces)
  }

  @Test func variablesAreReplacedInsideTextsAndLists() throws {
    #expect(
      try vars("type: int, source: literal, value: 5", "x: [\"a$v-$v\", {b: $v, $v: c}]\ny: 'cost: $$v'\nz: '^\\d+$'")
        == #"{x: ["a5-5", {b: 5, $v: "c"}], y: "cost: $v", z: "^\\d+$"}"#)
    #expect(try vars("type: float, source: literal, value: 1.5", "x: \"a$v\"") == #"{x: "a1.5"}"#)
    #expect(try vars("type: string, source: literal, value: 'a$$b$c'", "x: $v\ny: \"-$v\"") == #"{x: "a$$b$c", y: "-a$b$c"}"#)
  }

  @Test func textsOfSeveralLinesAreLeftAlone() throws {
    #expect(try vars("type: int, source: literal, value: 5", "x: |\n  $v $$ $none\n") == #"{x: "$v $$ $none\n"}"#)
  }

  @Test(arguments: ["[1]", "{a: 1}", "null", "true"])
  func onlyStringsAndNumbersGoIntoTexts(value: String) throws {
    let lines = try failure("type: any, source: literal, value: \(value)", "x: [\"a $v\"]")
    #expect(lines.count == 1)
    #expect(lines.first?.hasPrefix("a.yml:2:5: x[0]: expected a string or a number to put into a text, but $v is ") == true, "\(lines)")
  }

  @Test func anUnknownVariableIsAnErrorWithASuggestion() throws {
    #expect(try problems("a: {b: [$DRI]}") == [#"a.yml:1:9: a.b[0]: unknown variable $DRI (did you mean "DIR"?)"#])
    #expect(try problems("a: x$y") == ["a.yml:1:4: a: unknown variable $y (a literal $ is written $$)"])
  }

  @Test func replacedValuesKnowTheirPlace() throws {
    let loaded = try Folder([
      "a.yml":
        "vars:\n  v: {type: any, source: literal, value: [1]}\n  e: {type: json, source: env, variable: E}\nx: $v\ny: $e\nz: \"a$DIR\""
    ])
    .load(environment: ["E": "[2]"])
    #expect(place(loaded, "x.0") == "a.yml:2:43")
    #expect(place(loaded, "y.0") == "a.yml:5:4")
    #expect(place(loaded, "z") == "a.yml:6:4")
  }
}
