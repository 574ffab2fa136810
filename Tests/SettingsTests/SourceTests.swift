import Foundation
import Settings
import Testing

@Suite struct SourceTests {
  @Test func filesOfAFolderMergeInByteWiseOrderOfTheirNames() throws {
    let folder = try Folder([
      "a/b.yml": "x: b", "a/B.yml": "x: B", "a/a.json": #"{"x": "a", "y": 1}"#, "a/10.yml": "x: 10", "a/9.yml": "x: 9",
    ])
    let tree = try folder.load("a")
    #expect(tree.files == ["a/10.yml", "a/9.yml", "a/B.yml", "a/a.json", "a/b.yml"])
    #expect(plain(tree.root) == #"{x: "b", y: 1}"#)
  }

  @Test func otherEndingsAndSubfoldersAreIgnored() throws {
    let folder = try Folder(["a.yml": "x: 1", "b.yaml": "y: 1", "c.txt": "z", "sub/d.yml": "v: 1", "e.yml/f.yml": "w: 1"])
    #expect(plain(try folder.load().root) == "{x: 1}")
  }

  @Test func sourcesAreSeparatedByColonsAndEmptyPartsAreDropped() throws {
    let folder = try Folder(["a/1.yml": "l: [1]", "b.json": #"{"l": [2]}"#])
    #expect(plain(try folder.load(":b.json::a:").root) == "{l: [2, 1]}")
    #expect(plain(try folder.load("\(folder.path)/a").root) == "{l: [1]}")
    #expect(plain(try folder.load("a/../b.json:./a/").root) == "{l: [2, 1]}")
  }

  @Test(arguments: [nil, "", "::"] as [String?])
  func anUnsetVariableIsOneClearLine(sources: String?) throws {
    let lines = try Folder().problems(sources)
    #expect(
      lines == [
        "X_SETTINGS is not set: expected files or folders with settings, separated by colons (for example X_SETTINGS=settings/dev/roles/public-proxy-1)"
      ])
  }

  @Test func everySourceThatCannotBeUsedIsNamed() throws {
    let folder = try Folder(["c.txt": "x", "empty/x.yaml": "x: 1", "none/readme": ""])
    #expect(
      folder.problems("missing:c.txt:empty:none") == [
        #"X_SETTINGS names "missing": no such file or folder"#,
        #"X_SETTINGS names "c.txt": the file does not end in .yml or .json"#,
        #"X_SETTINGS names "empty": the folder has no file ending in .yml or .json (files ending in .yaml are not read, rename them to .yml)"#,
        #"X_SETTINGS names "none": the folder has no file ending in .yml or .json"#,
      ])
  }

  @Test(arguments: [("", "nothing"), ("# only a comment\n", "nothing"), ("- 1", "a list"), ("hello", #"the string "hello""#)])
  func aFileWhoseTopIsNoMapIsAnError(text: String, found: String) throws {
    let lines = try problems(text)
    #expect(lines.count == 1)
    #expect(lines.first?.hasPrefix("a.yml:1:1: expected a map at the top of the file, found \(found)") == true)
  }

  @Test func symbolicLinksAreFollowed() throws {
    let folder = try Folder(["real.txt": "x: 1"])
    try FileManager.default.createDirectory(atPath: "\(folder.path)/s", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/s/a.yml", withDestinationPath: "../real.txt")
    #expect(plain(try folder.load("s").root) == "{x: 1}")
  }

  @Test func aFileOverOneMebibyteIsRefused() throws {
    let limit = 1 << 20
    let filler = "x: 1 #" + String(repeating: "a", count: limit - 6)
    #expect(plain(try Folder(["a.yml": filler]).load().root) == "{x: 1}")
    #expect(try problems(filler + "a") == ["cannot read a.yml: larger than 1048576 bytes"])
  }

  @Test func aFileThatIsNotUTF8IsRefused() throws {
    let folder = try Folder()
    try Data([0x78, 0x3A, 0x20, 0xFF, 0xFE]).write(to: URL(fileURLWithPath: "\(folder.path)/a.yml"))
    #expect(folder.problems() == ["cannot read a.yml: not UTF-8"])
  }

  @Test func aNamedPipeIsRefusedWithoutWaitingForAWriter() throws {
    let folder = try Folder()
    #expect(mkfifo("\(folder.path)/a.yml", 0o600) == 0)
    #expect(folder.problems() == ["cannot read a.yml: not a regular file"])
  }

  @Test func problemsOfAllFilesAreReportedAtOnce() throws {
    let folder = try Folder(["1.yml": "a: [1\nb: 2", "2.yml": "x: $nope", "3.json": "{,}"])
    let lines = folder.problems()
    #expect(lines.count == 3)
    #expect(lines.map { $0.prefix(6) } == ["1.yml:", "2.yml:", "3.json"])
  }
}
