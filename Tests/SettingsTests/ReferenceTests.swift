import Settings
import Testing

@Suite struct ReferenceTests {
  @Test func aReferenceTakesTheValueAtItsPath() throws {
    let text = "tls: {files: [a, b], deep: {x: 1}}\nr1: {$ref: tls.deep}\nr2: {$ref: tls.files.1}\nr3: [{$ref: \"tls.deep.x\"}]"
    #expect(try tree(text) == #"{tls: {files: ["a", "b"], deep: {x: 1}}, r1: {x: 1}, r2: "b", r3: [1]}"#)
  }

  @Test func theValueKeepsThePlaceWhereItWasWritten() throws {
    let loaded = try Folder(["a.yml": "a:\n  x: 1\nb: {$ref: a.x}"]).load()
    #expect(place(loaded, "b") == "a.yml:2:6")
  }

  @Test func referencesMayLeadToAndThroughOthers() throws {
    #expect(try tree("a: {$ref: b}\nb: {$ref: c.0}\nc: [{x: 1}]\nd: {$ref: a.x}") == "{a: {x: 1}, b: {x: 1}, c: [{x: 1}], d: 1}")
  }

  @Test func includedValuesCanBeReferred() throws {
    let folder = try Folder(["a.yml": "a: {$include: b.yml}\nb: {$ref: a.x}", "b.yml": "x: 5"])
    #expect(plain(try folder.load("a.yml").root) == "{a: {x: 5}, b: 5}")
  }

  @Test func variablesAreReplacedAfterwards() throws {
    #expect(
      try tree("vars: {v: {type: int, source: literal, value: 7}}\na: $v\nb: {$ref: a}\nc: {$ref: vars.v.value}") == "{a: 7, b: 7, c: 7}")
  }

  @Test(arguments: [
    ("a: {$ref: b}", #"a.yml:1:11: $ref: "b" leads nowhere: the file has no "b""#),
    ("list: [1]\na: {$ref: list.1}", #"a.yml:2:11: $ref: "list.1" leads nowhere: "list" has no "1""#),
    ("list: [1]\na: {$ref: list.-1}", #"a.yml:2:11: $ref: "list.-1" leads nowhere: "list" has no "-1""#),
    (
      "server: {name: 1}\na: {$ref: server.nmae}",
      #"a.yml:2:11: $ref: "server.nmae" leads nowhere: "server" has no "nmae" (did you mean "name"?)"#
    ),
    ("b: 5\na: {$ref: b.c}", #"a.yml:2:11: $ref: "b.c" leads nowhere: "b" has no "c""#),
    ("a: {$ref: 5}", "a.yml:1:5: $ref: expected a path like \"a.b.0\", found the whole number 5"),
    ("a: {$ref: b, c: 1}\nb: 1", "a.yml:1:5: $ref: expected to be the only key of its map, found 1 more"),
    ("a: {$ref: a}", "a.yml:1:11: $ref: a circle of references: a → a"),
  ])
  func referencesThatCannotWorkAreRefused(text: String, problem: String) throws {
    #expect(try problems(text) == [problem])
  }

  @Test func circlesAreFoundFromEverySide() throws {
    let lines = try problems("a: {$ref: b}\nb: {$ref: a}")
    #expect(lines == ["a.yml:1:11: $ref: a circle of references: b → a → b", "a.yml:2:11: $ref: a circle of references: a → b → a"])
    #expect(try problems("a: {x: {$ref: a}}").first == "a.yml:1:15: $ref: a circle of references: a → a")
  }

  @Test func referencesCannotUnfoldWithoutBound() throws {
    var text = "a0: [1,1,1,1,1,1,1,1,1,1]\n"
    for level in 1...7 { text += "a\(level): [" + Array(repeating: "{$ref: a\(level - 1)}", count: 10).joined(separator: ",") + "]\n" }
    let lines = try problems(text)
    #expect(lines.count == 1)
    #expect(lines.first?.contains("more than 20000 values, references unfolded") == true)
  }
}
