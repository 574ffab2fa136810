import Foundation

/// Why a file or folder cannot be read.
struct FileReadFailure: Error {
  var message: String
  var hint: String?
}

/// Reads a whole settings file as UTF-8, at most `SettingsLimits.fileBytes`.
///
/// - Throws: `FileReadFailure` when it is missing, no regular file, not readable, too large, or not UTF-8.
func readSettingsFile(_ path: String) throws(FileReadFailure) -> String {
  // Asked first, because opening a named pipe would wait for a writer.
  guard try kind(of: path) == .file else { throw FileReadFailure(message: "not a regular file") }
  let bytes: Data
  do {
    let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { handle.closeFile() }
    bytes = try handle.read(upToCount: SettingsLimits.fileBytes + 1) ?? Data()
  } catch {
    throw FileReadFailure(message: "cannot be opened", hint: "check its permissions")
  }
  guard bytes.count <= SettingsLimits.fileBytes else { throw FileReadFailure(message: "larger than \(SettingsLimits.fileBytes) bytes") }
  guard let text = String(validating: bytes, as: UTF8.self) else { throw FileReadFailure(message: "not UTF-8") }
  return text
}

/// The settings files directly in a folder, in byte-wise order of their names.
///
/// - Throws: `FileReadFailure` when the folder cannot be read or has no such file.
func settingsFiles(in folder: String) throws(FileReadFailure) -> [String] {
  guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
    throw FileReadFailure(message: "the folder cannot be listed", hint: "check its permissions")
  }
  var files: [String] = []
  for name in names where hasSettingsEnding(name) {
    let path = absolute(name, in: folder)
    if try kind(of: path) != .folder { files.append(path) }
  }
  guard !files.isEmpty else {
    let hasYAML = names.contains { $0.hasSuffix(".yaml") }
    throw FileReadFailure(
      message: "the folder has no file ending in .yml or .json",
      hint: hasYAML ? "files ending in .yaml are not read, rename them to .yml" : nil)
  }
  return files.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}

enum FileKind {
  case file, folder, other
}

/// What a path leads to, symbolic links followed.
func kind(of path: String) throws(FileReadFailure) -> FileKind {
  let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
  guard let type = (try? FileManager.default.attributesOfItem(atPath: target))?[.type] as? FileAttributeType else {
    throw FileReadFailure(message: "no such file or folder")
  }
  switch type {
  case .typeRegular: return .file
  case .typeDirectory: return .folder
  default: return .other
  }
}

func hasSettingsEnding(_ name: String) -> Bool { name.hasSuffix(".yml") || name.hasSuffix(".json") }

/// A path made absolute, with `.`, `..` and double slashes taken out of its text.
func absolute(_ path: String, in directory: String) -> String {
  var parts: [Substring] = []
  for part in (path.hasPrefix("/") ? path : "\(directory)/\(path)").split(separator: "/") {
    switch part {
    case ".": break
    case "..": _ = parts.popLast()
    default: parts.append(part)
    }
  }
  return "/" + parts.joined(separator: "/")
}

func parent(of path: String) -> String {
  let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
  return folder.isEmpty ? "/" : folder
}

/// A path as it is shown to people: relative to the working directory when it lies below it.
func shown(_ path: String, from workingDirectory: String) -> String {
  let prefix = workingDirectory.hasSuffix("/") ? workingDirectory : workingDirectory + "/"
  return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
}
