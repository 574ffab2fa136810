import Foundation
import Testing

@testable import Settings

/// A temporary folder that goes away with the value.
final class Folder {
  let path: String

  init(_ files: [String: String] = [:]) throws {
    path = NSTemporaryDirectory().trimmingSuffix("/") + "/settings-tests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in files { try write(text, to: name) }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func write(_ text: String, to name: String) throws {
    let url = URL(fileURLWithPath: "\(path)/\(name)")
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  func load(_ sources: String? = ".", environment: [String: String] = [:]) throws(SettingsFailure) -> LoadedTree {
    try SettingsLoader.load(sources: sources, variableName: "X_SETTINGS", environment: environment, workingDirectory: path)
  }

  /// The lines of the failure that loading ends with; empty when it does not fail.
  func problems(_ sources: String? = ".", environment: [String: String] = [:]) -> [String] {
    lines { () throws(SettingsFailure) in _ = try load(sources, environment: environment) }
  }
}

/// What a file means, in one line.
func tree(_ text: String, named name: String = "a.yml", environment: [String: String] = [:]) throws -> String {
  plain(try Folder([name: text]).load(environment: environment).root)
}

/// The problems of a single file.
func problems(_ text: String, named name: String = "a.yml", environment: [String: String] = [:]) throws -> [String] {
  try Folder([name: text]).problems(environment: environment)
}

func lines(_ body: () throws(SettingsFailure) -> Void) -> [String] {
  do throws(SettingsFailure) {
    try body()
    return []
  } catch {
    return error.problems.map(\.description)
  }
}

/// A value in one line without positions: `{a: 1, b: ["x", null]}`.
func plain(_ value: SettingsValue) -> String {
  switch value.content {
  case .null: "null"
  case .bool(let flag): "\(flag)"
  case .integer(let number): "\(number)"
  case .number(let number): "\(number)"
  case .string(let text): quoted(text, limit: 1000)
  case .list(let elements): "[\(elements.map(plain).joined(separator: ", "))]"
  case .map(let members): "{\(members.map { "\($0.key): \(plain($0.value))" }.joined(separator: ", "))}"
  }
}

/// Where the value at a path of keys and indices was written, as `file:line:column`.
func place(_ tree: LoadedTree, _ path: String) -> String {
  var value: SettingsValue? = tree.root
  for part in path.split(separator: ".") {
    if let index = Int(part), case .list(let elements)? = value?.content {
      value = elements.indices.contains(index) ? elements[index] : nil
    } else {
      value = value?[String(part)]
    }
  }
  return value?.position.description ?? "nowhere"
}

extension String {
  fileprivate func trimmingSuffix(_ suffix: String) -> String {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
  }
}
