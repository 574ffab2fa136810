/// The settings of a proxy, checked (PROTOCOL.md 3.5). The role that is run must be there; the program says so.
public struct ProxySettings: Equatable, Sendable {
  /// `public`, default none.
  public var `public`: PublicProxySettings?
  /// `private`, default none.
  public var `private`: PrivateProxySettings?
  /// `metrics`, default none.
  public var metrics: MetricsSettings?
  /// Keys that are accepted and have no effect; the program logs them.
  public var warnings: [SettingsProblem]

  public init(
    public: PublicProxySettings? = nil, private: PrivateProxySettings? = nil, metrics: MetricsSettings? = nil,
    warnings: [SettingsProblem] = []
  ) {
    self.public = `public`
    self.private = `private`
    self.metrics = metrics
    self.warnings = warnings
  }
}

extension ProxySettings {
  /// Checks a loaded tree.
  ///
  /// - Throws: `SettingsFailure` with every problem of the tree.
  public init(_ tree: LoadedTree) throws(SettingsFailure) {
    let findings = Findings()
    let root = Section(tree.root, path: "", findings)
    self.init(
      public: root.section("public").map(PublicProxySettings.init),
      private: root.section("private").map(PrivateProxySettings.init),
      metrics: root.section("metrics").flatMap(MetricsSettings.init))
    root.finish()
    if findings.problems.isEmpty, `public` == nil, `private` == nil {
      root.fail("public", "expected a map here or at \"private\", found nothing")
    }
    try findings.throwProblems()
    warnings = findings.warnings
  }
}
