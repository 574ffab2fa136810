public import Announcements

/// A `health` map of a private proxy: how its internal servers are looked at, by a TCP connect each time.
public struct HealthSettings: Hashable, Sendable {
  /// `interval` (seconds, 0.1…3600, default 5), `rise` (1…100, default 2) and `fall` (1…100, default 3).
  public var rules: HealthRules
  /// `timeout`, 0.1…60 seconds, default 2: how long one look may take.
  public var timeout: Duration

  public init(rules: HealthRules = HealthRules(), timeout: Duration = .seconds(2)) {
    self.rules = rules
    self.timeout = timeout
  }
}

extension HealthSettings {
  /// Nil when `interval` is 0: nobody looks.
  init?(_ section: Section) {
    self.init()
    let interval = section.seconds("interval", in: 0...3600) ?? rules.interval
    rules = HealthRules(
      interval: max(interval, .milliseconds(100)), rise: section.integer("rise", in: 1...100) ?? rules.rise,
      fall: section.integer("fall", in: 1...100) ?? rules.fall)
    timeout = section.seconds("timeout", in: 0.1...60) ?? timeout
    section.finish()
    if interval == .zero { return nil }
  }
}
