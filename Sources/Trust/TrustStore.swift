public import HyperModel
public import Logging
public import Operations
public import ServiceLifecycle
import Synchronization

import struct Foundation.Date

/// The certificates, keys and authorities of one program: each set of files is loaded once, watched while the program runs, and put in
/// force again when it changed. Connections that are open keep what they began with; new handshakes get the new ones.
///
/// Files that cannot be used, or do not fit together (yet), leave the last good ones in force, and the log says why, once. Thirty days
/// before a certificate ends the log begins to say so, once a day; the time is a metric from the start.
///
/// `sets` is behind its mutex, which is held while files are read, so that readings come one after the other; whoever makes handshakes asks
/// a `TrustSource`, which waits for no file. `notices` is behind its own.
public final class TrustStore: Service, Sendable {
  private struct FileSet: Sendable {
    let source: TrustSource
    /// The name that a new certificate must carry, because the old one did and others know us by it.
    let ownName: OperatorName?
    var watch: FileWatch
  }

  /// How often the files are looked at. A change is read when two looks saw the same, so it is in force within twice this time.
  public static let defaultInterval: Duration = .milliseconds(500)

  private let interval: Duration
  private let logger: Logger
  private let reloaded: Counter
  private let failed: Counter
  private let sets = Mutex<[TrustFiles: FileSet]>([:])
  private let notices = Mutex(ExpiryNotices())

  public init(interval: Duration = TrustStore.defaultInterval, logger: Logger, metrics: MetricsRegistry) {
    self.interval = interval
    self.logger = logger
    let counter = { (outcome: String) in
      metrics.counter(
        "hyper_certificate_reloads_total", help: "Sets of certificate files that were read again because they changed, by outcome.",
        labels: ["outcome": outcome])
    }
    reloaded = counter("reloaded")
    failed = counter("failed")
    metrics.collect { [weak self] in self?.samples ?? [] }
  }

  /// What the files of a TLS map hold, from now on in its present state. The same files give the same source.
  ///
  /// - Parameter ownName: the operator that our certificate is for. A later certificate without this name, after one with it, is not put in
  ///   force.
  /// - Throws: `TrustError` as `Credentials.load`.
  public func source(for files: TrustFiles, ownName: OperatorName? = nil) throws(TrustError) -> TrustSource {
    try sets.withLock { (sets) throws(TrustError) in
      if let known = sets[files] { return known.source }
      let marks = files.marks
      let source = TrustSource(try Credentials.load(files))
      let carriesName = ownName.map { source.current.identity?.names.contains($0) == true } ?? false
      sets[files] = FileSet(source: source, ownName: carriesName ? ownName : nil, watch: FileWatch(read: marks))
      return source
    }
  }

  /// Looks at the files until it is stopped.
  ///
  /// It polls, like the directory: a few `stat` calls tell all there is to know, on network file systems too.
  public func run() async throws {
    await cancelWhenGracefulShutdown {
      self.tellExpiries(now: Date())
      // The sleep ends early only when it is cancelled, and that is the end.
      while (try? await Task.sleep(for: self.interval, clock: .continuous)) != nil {
        self.look()
        self.tellExpiries(now: Date())
      }
    }
  }

  /// Reads every file now, changed or not. What cannot be used is logged and leaves the last good one in force.
  ///
  /// - Returns: false when a set of files could not be used.
  @discardableResult
  public func reload() -> Bool {
    let readings = sets.withLock { sets in sets.keys.map { read($0, in: &sets) } }
    // Whoever asks wants to hear it, told before or not.
    return tell(readings.map(\.asNews))
  }

  /// One round of `run()`.
  func look() {
    let now = ContinuousClock.now
    _ = tell(
      sets.withLock { sets in
        sets.keys.compactMap { files in
          sets[files]?.watch.looked(files.marks, now: now) == .read ? read(files, in: &sets) : nil
        }
      })
  }

  private enum Reading {
    case same
    case renewed(TrustFiles, Credentials)
    /// It changed while it was read: the next looks will do.
    case unsteady
    case unusable(TrustError, isNews: Bool)

    var asNews: Reading {
      guard case .unusable(let error, _) = self else { return self }
      return .unusable(error, isNews: true)
    }
  }

  /// Called with `sets` held.
  private func read(_ files: TrustFiles, in sets: inout [TrustFiles: FileSet]) -> Reading {
    guard var set = sets[files] else { return .same }
    defer { sets[files] = set }
    let before = files.marks
    do throws(TrustError) {
      let credentials = try Credentials.load(files)
      try credentials.checkUse()
      if let name = set.ownName { try credentials.checkName(name, in: files) }
      guard set.watch.succeeded(before: before, after: files.marks) else { return .unsteady }
      if credentials.isSame(as: set.source.current) { return .same }
      set.source.replace(with: credentials)
      return .renewed(files, credentials)
    } catch {
      let isNews = set.watch.failed(before: before, after: files.marks, why: error.message, now: .now)
      return .unusable(error, isNews: isNews)
    }
  }

  /// Lines are written without a lock held.
  private func tell(_ readings: [Reading]) -> Bool {
    var isGood = true
    for reading in readings {
      switch reading {
      case .same, .unsteady: break
      case .renewed(let files, let credentials):
        reloaded.increment()
        var metadata: Logger.Metadata = ["authorities": "\(credentials.roots.count)"]
        if let file = files.certificateFile { metadata["certificate"] = "\(file)" }
        if let identity = credentials.identity { metadata["fingerprint"] = "\(identity.fingerprint.prefix(16))…" }
        if let end = credentials.notValidAfter { metadata["not_after"] = "\(timestamp(end))" }
        logger.info("certificates reloaded", metadata: metadata)
      case .unusable(let error, let isNews):
        isGood = false
        guard isNews else { continue }
        failed.increment()
        var metadata: Logger.Metadata = ["reason": "\(error.message)"]
        if let hint = error.hint { metadata["hint"] = "\(hint)" }
        logger.error("certificates cannot be reloaded, the last good ones stay in force", metadata: metadata)
      }
    }
    return isGood
  }

  // MARK: Expiry

  private var expiries: Set<CertificateExpiry> {
    let sources = sets.withLock { $0.values.map(\.source) }
    return Set(sources.flatMap(\.current.expiries))
  }

  func tellExpiries(now: Date) {
    let expiries = expiries
    for notice in notices.withLock({ $0.due(expiries, now: now) }) {
      let metadata: Logger.Metadata = [
        "file": "\(notice.expiry.file)", "subject": "\(notice.expiry.subject)", "not_after": "\(timestamp(notice.expiry.notValidAfter))",
        "days_left": "\(notice.daysLeft)",
      ]
      if notice.daysLeft < 0 {
        logger.error("certificate has expired", metadata: metadata)
      } else {
        logger.warning("certificate expires soon", metadata: metadata)
      }
    }
  }

  private var samples: [Sample] {
    expiries.map {
      Sample(
        name: "hyper_certificate_not_after_seconds", help: "When the first certificate of a file ends, in seconds since 1970.",
        kind: .gauge,
        labels: ["file": $0.file, "subject": $0.subject], value: $0.notValidAfter.timeIntervalSince1970)
    }
  }
}

extension TrustFiles {
  /// How all the files look now.
  var marks: [FileMark] {
    (caCertificateFiles + [certificateFile, keyFile].compactMap(\.self)).map { FileMark(of: $0) }
  }
}

extension Credentials {
  /// Whether a handshake could tell them apart. The key belongs to the certificate, so it need not be compared.
  fileprivate func isSame(as other: Credentials) -> Bool {
    chain == other.chain && roots == other.roots
  }

  fileprivate func checkName(_ name: OperatorName, in files: TrustFiles) throws(TrustError) {
    guard let identity, !identity.names.contains(name) else { return }
    let names = identity.names.map { "'\($0)'" }.joined(separator: ", ")
    throw TrustError(
      .wrongName, "the new certificate in \(files.certificateFile ?? "") names \(names), the one in force '\(name)'",
      hint: "to become another operator, change the settings and restart")
  }
}
