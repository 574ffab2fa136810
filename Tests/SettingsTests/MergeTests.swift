import Testing

@testable import Settings

@Suite struct MergeTests {
  func merge(_ texts: String...) throws -> String {
    let folder = try Folder()
    for (number, text) in texts.enumerated() { try folder.write(text, to: "\(number).yml") }
    return plain(try folder.load().root)
  }

  @Test(arguments: [
    // Maps key by key.
    ("a: {x: 1, y: {p: 1}}", "a: {y: {q: 2}, z: 3}", "{a: {x: 1, y: {p: 1, q: 2}, z: 3}}"),
    // Lists are concatenated.
    ("a: [1, 2]", "a: [2, 3]", "{a: [1, 2, 2, 3]}"), ("a: []", "a: []", "{a: []}"),
    // Null gives way.
    ("a: 1", "a: null", "{a: 1}"), ("a: null", "a: 1", "{a: 1}"), ("a: {x: 1}", "a: ~", "{a: {x: 1}}"),
    // Anything else is replaced.
    ("a: 1", "a: 2", "{a: 2}"), ("a: {x: 1}", "a: 5", "{a: 5}"), ("a: 5", "a: {x: 1}", "{a: {x: 1}}"),
    ("a: [1]", "a: {x: 1}", "{a: {x: 1}}"),
    ("a: [1]", "a: x", #"{a: "x"}"#), ("a: 1", "a: ''", #"{a: ""}"#),
    // A key that ends in ! replaces outright.
    ("a: {x: 1}", "a!: {y: 2}", "{a: {y: 2}}"), ("a: [1]", "a!: [2]", "{a: [2]}"),
    ("a: {b: [1], c: 1}", "a: {b!: [2]}", "{a: {b: [2], c: 1}}"),
    ("a: 1", "a!: null", "{a: null}"),
    // Also where there is nothing to replace.
    ("a: 1", "b!: {c!: [2]}", "{a: 1, b: {c: [2]}}"), ("a!: 1", "b: [{c!: 1}]", "{a: 1, b: [{c: 1}]}"),
    ("a: [1]", "a: [{c!: 1}]", "{a: [1, {c: 1}]}"),
  ])
  func twoFilesMerge(left: String, right: String, merged: String) throws {
    #expect(try merge(left, right) == merged)
  }

  @Test func theOrderOfFilesDecides() throws {
    #expect(try merge("a: 1\nl: [1]", "a: 2\nl: [2]", "a: 3\nl!: [3]", "l: [4]") == "{a: 3, l: [3, 4]}")
  }

  @Test func mergedValuesKnowWhichFileTheyComeFrom() throws {
    let folder = try Folder(["1.yml": "a:\n  x: 1\n  l: [1]", "2.yml": "a:\n\n  y: 2\n  l: [2]\n  x: 3\n  n: ~"])
    let loaded = try folder.load()
    #expect(place(loaded, "a.x") == "2.yml:5:6")
    #expect(place(loaded, "a.y") == "2.yml:3:6")
    #expect(place(loaded, "a.l.0") == "1.yml:3:7")
    #expect(place(loaded, "a.l.1") == "2.yml:4:7")
  }

  @Test(arguments: [
    ("", "", 0), ("a", "", 1), ("", "ab", 2), ("abc", "abc", 0), ("abc", "acb", 1), ("verify_client", "verfy_client", 1),
    ("kitten", "sitting", 3), ("ca", "abc", 3),
  ])
  func editDistances(left: String, right: String, distance: Int) {
    #expect(editDistance(Array(left.utf8), Array(right.utf8)) == distance)
    #expect(editDistance(Array(right.utf8), Array(left.utf8)) == distance)
  }

  @Test func suggestionsAreNearOrNone() {
    let known = ["verify_client", "server_name", "path", "tls"]
    #expect(nearest(to: "verifyClient", among: known) == "verify_client")
    #expect(nearest(to: "servername", among: known) == "server_name")
    #expect(nearest(to: "pth", among: known) == "path")
    #expect(nearest(to: "tsl", among: known) == "tls")
    #expect(nearest(to: "endpoint", among: known) == nil)
  }
}
