public import HyperModel

/// The settings of a Hyper node, checked (PROTOCOL.md 3.1).
public struct NodeSettings: Equatable, Sendable {
  /// `name`, required: the operator this node is.
  public var name: OperatorName
  /// `directory`, required.
  public var directory: DirectorySettings
  /// `channels`, required, may be empty; at most one of each type, in the order in which the broker asks them.
  public var channels: [ChannelSettings]
  /// `max_calls_per_peer`, 1…1048576: requests of one operator that are under way at one time; nil is the broker's own default.
  public var maxCallsPerPeer: Int?
  /// `metrics`, default none.
  public var metrics: MetricsSettings?
  /// `signing`, default none: for record tools, unused by the running node.
  public var signing: SigningSettings?
  /// Keys that are accepted and have no effect; the program logs them.
  public var warnings: [SettingsProblem]

  public init(
    name: OperatorName, directory: DirectorySettings, channels: [ChannelSettings], maxCallsPerPeer: Int? = nil,
    metrics: MetricsSettings? = nil, signing: SigningSettings? = nil, warnings: [SettingsProblem] = []
  ) {
    self.name = name
    self.directory = directory
    self.channels = channels
    self.maxCallsPerPeer = maxCallsPerPeer
    self.metrics = metrics
    self.signing = signing
    self.warnings = warnings
  }
}

/// The `directory` map: `type` is `json`; `api` is not supported yet.
public struct DirectorySettings: Hashable, Sendable {
  /// `settings.path`, required: a JSON file, or a folder of them.
  public var path: String

  public init(path: String) {
    self.path = path
  }
}

/// The `signing` map: files for signing and verifying directory records. All keys are optional.
public struct SigningSettings: Hashable, Sendable {
  /// `certificate_file`: PEM.
  public var certificateFile: String?
  /// `key_file`: PEM. Secret.
  public var keyFile: String?
  /// `ca_certificate_file`: PEM.
  public var caCertificateFile: String?
  /// `ca_intermediate_certificate_files`, default none.
  public var caIntermediateCertificateFiles: [String]

  public init(
    certificateFile: String? = nil, keyFile: String? = nil, caCertificateFile: String? = nil, caIntermediateCertificateFiles: [String] = []
  ) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.caCertificateFile = caCertificateFile
    self.caIntermediateCertificateFiles = caIntermediateCertificateFiles
  }
}

extension NodeSettings {
  /// Checks a loaded tree.
  ///
  /// - Throws: `SettingsFailure` with every problem of the tree.
  public init(_ tree: LoadedTree) throws(SettingsFailure) {
    let findings = Findings()
    let root = Section(tree.root, path: "", findings)
    self.init(
      name: OperatorName(root.requiredString("name")),
      directory: root.section("directory", required: true).map(DirectorySettings.init) ?? DirectorySettings(path: ""),
      channels: Self.channels(root),
      maxCallsPerPeer: root.integer("max_calls_per_peer", in: 1...1_048_576),
      metrics: root.section("metrics").flatMap(MetricsSettings.init),
      signing: root.section("signing").map(SigningSettings.init))
    root.finish()
    try findings.throwProblems()
    warnings = findings.warnings
  }

  private static func channels(_ root: Section) -> [ChannelSettings] {
    var taken: [String: SourcePosition] = [:]
    return root.sections("channels", required: true).compactMap { item in
      guard let channel = ChannelSettings(item) else { return nil }
      let type = channel.kind.type
      if let first = taken[type] {
        item.fail("type", "expected at most one channel of type \(type), found another one at \(first)")
      } else {
        taken[type] = item.value.position
      }
      return channel
    }
  }
}

extension DirectorySettings {
  fileprivate init(_ section: Section) {
    let type = section.requiredString("type")
    guard type == "json" else {
      if type == "api" {
        section.fail("type", "the directory type \"api\" is not supported yet", hint: "use type: json with settings.path")
      } else if !type.isEmpty {
        section.mismatch("type", expected: "json")
      }
      section.ignore("settings")
      section.finish()
      self.init(path: "")
      return
    }
    let settings = section.section("settings", required: true)
    self.init(path: settings?.requiredString("path") ?? "")
    settings?.finish()
    section.finish()
  }
}

extension SigningSettings {
  fileprivate init(_ section: Section) {
    self.init(
      certificateFile: section.string("certificate_file"),
      keyFile: section.string("key_file"),
      caCertificateFile: section.string("ca_certificate_file"),
      caIntermediateCertificateFiles: section.strings("ca_intermediate_certificate_files"))
    section.dead("name", "has no effect", hint: "the name of the node is used")
    section.finish()
  }
}
