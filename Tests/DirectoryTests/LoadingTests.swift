import FoundationEssentials
import HyperModel
import Testing

@testable import Directory

@Suite struct Loading {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test("all files of a folder are read in name order, and later records replace earlier sections") func folderOrder() throws {
    try folder.write("002.json", groups(("a", ["second"])))
    try folder.write("001.json", groups(("a", ["first"]), ("b", ["b"])))
    try folder.write("010_more.json", groups(("c", ["c"])))
    let snapshot = try JSONDirectory(path: folder.path, logger: quiet).current
    #expect(snapshot.version == 1)
    #expect(snapshot.entries.mapValues(\.groups) == ["a": ["second"], "b": ["b"], "c": ["c"]])
    #expect(snapshot["a"]?.records.map(\.data) == [["first"], ["second"]])
  }

  @Test("a path that ends in a slash is the same folder") func trailingSlash() throws {
    try folder.write("a.json", groups(("a", ["x"])))
    #expect(try JSONDirectory(path: folder.path + "/", logger: quiet).current["a"]?.groups == ["x"])
  }

  @Test("other files and subfolders are left alone, links to files are followed") func otherFiles() throws {
    try folder.write("notes.txt", "no JSON")
    try folder.write("json", "no JSON either: nothing stands before the word")
    try FileManager.default.createDirectory(atPath: folder.path("sub.json"), withIntermediateDirectories: false)
    try folder.write("sub.json/inner.json", "not read")
    try folder.write("target", groups(("a", ["x"])))
    try FileManager.default.createSymbolicLink(atPath: folder.path("link.json"), withDestinationPath: folder.path("target"))
    #expect(try JSONDirectory(path: folder.path, logger: quiet).current.entries.mapValues(\.groups) == ["a": ["x"]])
  }

  @Test(
    "files are told by their name as existing nodes do",
    arguments: [
      ("a.json", true), (".json", true), ("ajson", true), ("a.json.bak", true), ("jsonjson", true), ("äjson", true), ("json", false),
      ("jsona", false),
      ("a.jso", false), ("", false), ("a.JSON", false), ("a\njson", false),
    ])
  func names(name: String, isRead: Bool) {
    #expect(DirectoryFiles.isDirectoryFile(name) == isRead)
  }

  @Test("a path to a file is that file, whatever its name") func singleFile() throws {
    try folder.write("directory.txt", groups(("a", ["x"])))
    #expect(try JSONDirectory(path: folder.path("directory.txt"), logger: quiet).current["a"]?.groups == ["x"])
  }

  @Test("an empty folder is an empty directory") func emptyFolder() throws {
    #expect(try JSONDirectory(path: folder.path, logger: quiet).current.entries.isEmpty)
  }

  @Test("a path with nothing there is refused", arguments: ["nothing", "nothing/at/all"])
  func missing(name: String) throws {
    let error = #expect(throws: DirectoryError.self) { try JSONDirectory(path: folder.path(name), logger: quiet) }
    #expect(error?.kind == .missing)
    #expect(error?.message == "cannot read the directory at \(folder.path(name)): No such file or directory")
  }

  @Test("a link to nothing is refused") func danglingLink() throws {
    try FileManager.default.createSymbolicLink(atPath: folder.path("link.json"), withDestinationPath: folder.path("gone"))
    let error = #expect(throws: DirectoryError.self) { try JSONDirectory(path: folder.path, logger: quiet) }
    #expect(error?.kind == .missing)
    #expect(error?.message.contains("link.json") == true)
  }

  @Test(
    "a file that is no directory data is refused with the place",
    arguments: [
      ("", ":1: no valid JSON: the text ends inside a value at byte 0"),
      ("{\n \"records\": [\n}", ":3: no valid JSON: unexpected '}' at byte 16"),
      ("[]", ": expected an object with a list 'records'"), ("{}", ": expected an object with a list 'records'"),
      ("{\"records\":{}}", ": expected an object with a list 'records'"),
      ("{\"records\":[5]}", ":1: record 0: expected an object, found a number"),
      (
        "{\"records\":[{\"name\":\"a\",\"section\":\"groups\",\"data\":[],\"created_at\":\"2026-11-23T01:36:48Z\"},{\"name\":\"b\",\"section\":\"other\"}]}",
        ":1: record 1 of 'b': section: expected one of channels, certificates, services, preferences, settings, groups, found 'other'"
      ),
      (
        "{\"x\": [[\"records\"], 1, {\"records\": [\n1, 2]}],\n \"records\"\n: [\n {\"name\":\"}],[{\\\"\",\"section\":\"groups\",\"data\":[\"a\",\n\"b\"],\"created_at\":\"2026-11-23T01:36:48Z\"}\n\n ,\n\t7]}",
        ":9: record 1: expected an object, found a number"
      ),
    ])
  func malformed(text: String, message: String) throws {
    try folder.write("001.json", groups(("a", ["x"])))
    try folder.write("002.json", text)
    let error = #expect(throws: DirectoryError.self) { try JSONDirectory(path: folder.path, logger: quiet) }
    #expect(error?.kind == .malformed)
    #expect(error?.message == folder.path("002.json") + message)
    #expect(error?.description == error?.message)
  }

  @Test("a file that is absurdly large is refused before it is read") func tooLarge() throws {
    try folder.write("a.json", "")
    #expect(folder.grow("a.json", to: DirectoryFiles.fileSizeLimit + 1))
    let error = #expect(throws: DirectoryError.self) { try JSONDirectory(path: folder.path, logger: quiet) }
    #expect(error?.kind == .malformed)
  }
}
