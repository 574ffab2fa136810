/// Finds, reads and merges settings files (PROTOCOL.md 2). Checking them is up to `NodeSettings` and `ProxySettings`.
public enum SettingsLoader {
  /// Loads all sources into one tree.
  ///
  /// Blocks while it reads files. Relative sources count from `workingDirectory`; folders give their direct `.yml` and
  /// `.json` members in byte-wise order of their names. Nothing is expanded by a shell here.
  ///
  /// - Parameters:
  ///   - sources: Files and folders separated by colons, as the variable has it; nil when it is unset.
  ///   - variableName: The name of that variable, for messages: `HYPER_SETTINGS`, `PROXY_SETTINGS`.
  ///   - environment: Where `vars` of the source `env` look.
  ///   - workingDirectory: Absolute.
  /// - Throws: `SettingsFailure` with every problem of every file.
  public static func load(
    sources: String?, variableName: String, environment: [String: String], workingDirectory: String
  ) throws(SettingsFailure) -> LoadedTree {
    let findings = Findings()
    let directory = absolute(workingDirectory, in: "/")
    let parts = (sources ?? "").split(separator: ":").map(String.init)
    guard !parts.isEmpty else {
      let example = variableName.hasPrefix("HYPER") ? "settings/dev/roles/public-proxy-hyper-1" : "settings/dev/roles/public-proxy-1"
      findings.problem(
        at: nil, "", "\(variableName) is not set: expected files or folders with settings, separated by colons",
        hint: "for example \(variableName)=\(example)")
      throw SettingsFailure(problems: findings.problems)
    }
    let paths = parts.flatMap { files(of: $0, in: directory, variableName: variableName, findings) }
    let pipeline = FilePipeline(environment: environment, workingDirectory: directory, findings)
    var root = SettingsValue(.null, at: SourcePosition(file: parts[0], line: 1, column: 1))
    for path in paths {
      guard let tree = pipeline.load(path) else { continue }
      guard case .map = tree.content else {
        findings.problem(at: tree.position, "", "expected a map at the top of the file, found \(tree.found)")
        continue
      }
      root = root.merged(with: tree)
    }
    try findings.throwProblems()
    return LoadedTree(root: root, files: pipeline.files)
  }

  private static func files(of source: String, in directory: String, variableName: String, _ findings: Findings) -> [String] {
    let path = absolute(source, in: directory)
    do throws(FileReadFailure) {
      if try kind(of: path) == .folder { return try settingsFiles(in: path) }
      guard hasSettingsEnding(path) else { throw FileReadFailure(message: "the file does not end in .yml or .json") }
      return [path]
    } catch {
      findings.problem(at: nil, "", "\(variableName) names \(quoted(source)): \(error.message)", hint: error.hint)
      return []
    }
  }
}
