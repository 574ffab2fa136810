import Settings
import Testing

@Suite struct IncludeTests {
  @Test func anIncludedMapIsMergedAndKeysBesideItWin() throws {
    let folder = try Folder(["a.yml": "x:\n  p: 2\n  $include: inc/b.yml\n  l: [3]\n", "inc/b.yml": "p: 1\nq: 5\nl: [1, 2]"])
    let loaded = try folder.load("a.yml")
    #expect(plain(loaded.root) == "{x: {p: 2, q: 5, l: [1, 2, 3]}}")
    #expect(place(loaded, "x.q") == "inc/b.yml:2:4")
    #expect(place(loaded, "x.p") == "a.yml:2:6")
    #expect(place(loaded, "x.l.2") == "a.yml:4:7")
    #expect(loaded.files == ["a.yml", "inc/b.yml"])
  }

  @Test func severalIncludesMergeInTheirOrder() throws {
    let folder = try Folder(["a.yml": "$include: [b.yml, c.json]", "b.yml": "x: 1\ny: 1", "c.json": #"{"y": 2}"#])
    #expect(plain(try folder.load("a.yml").root) == "{x: 1, y: 2}")
  }

  @Test func anythingMayReplaceAMapThatOnlyIncludes() throws {
    let folder = try Folder([
      "a.yml":
        "l: {$include: l.yml}\ns: {$include: s.json}\nboth: {$include: [l.yml, l.yml]}\nmixed: [0, {$include: l.yml}, {$include: s.json}, [9]]",
      "l.yml": "[1, 2]", "s.json": #""text""#,
    ])
    #expect(plain(try folder.load("a.yml").root) == #"{l: [1, 2], s: "text", both: [1, 2, 1, 2], mixed: [0, 1, 2, "text", [9]]}"#)
  }

  @Test func pathsCountFromTheIncludingFile() throws {
    let folder = try Folder(["a/a.yml": "$include: ../b/b.yml", "b/b.yml": "$include: c.yml", "b/c.yml": "x: $DIR"])
    #expect(plain(try folder.load("a").root) == #"{x: "\#(folder.path.dropFirst())/b"}"#)
  }

  @Test func everyFileHasItsOwnVariables() throws {
    let folder = try Folder([
      "a.yml": "vars: {v: {type: int, source: literal, value: 1}}\n$include: b.yml\nx: $v",
      "b.yml": "vars: {v: {type: int, source: literal, value: 2}}\ny: $v",
      "c.yml": "z: $v",
    ])
    #expect(plain(try folder.load("a.yml").root) == "{y: 2, x: 1}")
    #expect(folder.problems("a.yml:c.yml") == ["c.yml:1:4: z: unknown variable $v (a literal $ is written $$)"])
  }

  @Test func aDoubledDollarInAnIncludedFileSpeaksOfTheIncludingFile() throws {
    let folder = try Folder(["a/a.yml": "$include: ../b/b.yml", "b/b.yml": "inner: /$DIR/x\nouter: /$$DIR/x\nboth: $$PATH"])
    #expect(
      plain(try folder.load("a").root)
        == #"{inner: "\#(folder.path)/b/x", outer: "\#(folder.path)/a/x", both: "\#(folder.path.dropFirst())/a/a.yml"}"#)
  }

  @Test func variablesCanBeIncluded() throws {
    let folder = try Folder(["a.yml": "vars: {$include: v.yml}\nx: $v", "v.yml": "v: {type: string, source: literal, value: hello}"])
    #expect(plain(try folder.load("a.yml").root) == #"{x: "hello"}"#)
  }

  @Test(arguments: [
    ("$include: /etc/b.yml", #"a.yml:1:11: $include: expected a path relative to this file, found the string "/etc/b.yml""#),
    ("$include: b.yaml", #"a.yml:1:11: $include: expected a file ending in .yml or .json, found the string "b.yaml""#),
    ("$include: 5", "a.yml:1:11: $include: expected a file name or a list of them, found the whole number 5"),
    ("$include: [b.yml, {}]", "a.yml:1:19: $include: expected a file name or a list of them, found a map"),
    ("x:\n  $include: none.yml", "a.yml:2:13: $include: cannot read none.yml: no such file or folder"),
    ("$include: a.yml", "a.yml:1:11: $include: a circle of includes: a.yml → a.yml"),
    (
      "x: 1\n$include: l.yml",
      "a.yml:2:1: $include: expected a map in the included file, because there are keys beside $include; found a list"
    ),
    ("x: {$include: [b.yml, l.yml]}", "a.yml:1:23: $include: expected a map like the files before, found a list in the included file"),
    ("$include: bad.yml", "bad.yml:2:4: b: unknown variable $v (a literal $ is written $$)"),
  ])
  func includesThatCannotWorkAreRefused(text: String, problem: String) throws {
    let folder = try Folder(["a.yml": text, "b.yml": "y: 1", "l.yml": "[1]", "bad.yml": "a: 1\nb: $v"])
    #expect(folder.problems("a.yml") == [problem])
  }

  @Test func aCircleOfThreeFilesIsNamedWhole() throws {
    let folder = try Folder(["a.yml": "$include: b.yml", "b.yml": "$include: sub/c.yml", "sub/c.yml": "x: {$include: ../a.yml}"])
    #expect(folder.problems("a.yml") == ["sub/c.yml:1:15: $include: a circle of includes: a.yml → b.yml → sub/c.yml → a.yml"])
  }

  @Test func theDepthOfIncludesIsBounded() throws {
    let folder = try Folder(["0.yml": "$include: 1.yml"])
    for number in 1...20 { try folder.write(number == 20 ? "x: 1" : "$include: \(number + 1).yml", to: "\(number).yml") }
    #expect(folder.problems("0.yml") == ["16.yml:1:11: $include: more than 16 includes inside each other"])
    #expect(plain(try folder.load("4.yml").root) == "{x: 1}")
  }

  @Test func theNumberOfFilesIsBounded() throws {
    let folder = try Folder()
    for number in 0..<10 { try folder.write(#"{"l": {"$include": ["\#(number + 1).json", "\#(number + 1).json"]}}"#, to: "\(number).json") }
    try folder.write(#"{"x": 1}"#, to: "10.json")
    let lines = folder.problems("0.json")
    #expect(!lines.isEmpty)
    #expect(lines.allSatisfy { $0.contains("more than 256 settings files") })
  }
}
