import Foundation

/// Where things are.
enum Repository {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..").standardized.path
  static let client = "\(folder)/Tests/EndToEndTests/clients/client.py"

  static func text(of path: String) throws -> String {
    try String(contentsOfFile: "\(folder)/\(path)", encoding: .utf8)
  }
}

/// Where the programs are: beside the test bundle, as the build puts them. HYPER_BIN names another folder, for instance one with optimised
/// programs.
enum Binaries {
  static let folder: String = {
    let executable = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? Bundle.main.executablePath ?? CommandLine.arguments[0]
    return ProcessInfo.processInfo.environment["HYPER_BIN"] ?? (executable as NSString).deletingLastPathComponent
  }()
}
