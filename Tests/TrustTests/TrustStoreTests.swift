import Foundation
import HyperModel
import Logging
import Operations
import Synchronization
import Testing

@testable import Trust

/// Log lines of one test; `lines` is behind its mutex.
final class LineRecorder: LogHandler, Sendable {
  private let lines = Mutex<[String]>([])
  /// One element for each line, for one reader.
  let written: AsyncStream<Void>
  private let writes: AsyncStream<Void>.Continuation

  init() { (written, writes) = AsyncStream<Void>.makeStream() }

  var logger: Logger { Logger(label: "test") { _ in self } }
  var all: [String] { lines.withLock { $0 } }

  func count(_ text: String) -> Int { all.count { $0.contains(text) } }

  var logLevel: Logger.Level {
    get { .info }
    set {}
  }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  subscript(metadataKey _: String) -> Logger.MetadataValue? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) {
    let details = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
    lines.withLock { $0.append("\(event.level) \(event.message) \(details)") }
    writes.yield()
  }
}

@Suite(.timeLimit(.minutes(5))) struct TrustStoreTests {
  private let folder: TestFolder
  private let root: CertificateAuthority
  private let log = LineRecorder()
  private let metrics = MetricsRegistry()
  private let files: TrustFiles

  init() throws {
    folder = try TestFolder()
    root = try CertificateAuthority.makeRoot(commonName: "root", notAfter: day(100))
    try folder.write(try root.rootPEM, to: "root.crt")
    files = TrustFiles(caCertificateFiles: [folder["root.crt"]], certificateFile: folder["op-1.crt"], keyFile: folder["op-1.key"])
  }

  @discardableResult
  private func issue(_ name: String = "op-1", as file: String = "op-1", until end: Date = day(90)) throws -> IssuedCertificate {
    let issued = try root.issue(CertificateRequest(commonName: name, notAfter: end))
    try issued.write(certificateFile: folder["\(file).crt"], keyFile: folder["\(file).key"])
    return issued
  }

  private func store(interval: Duration = .milliseconds(10)) -> TrustStore {
    TrustStore(interval: interval, logger: log.logger, metrics: metrics)
  }

  private func reloads(_ outcome: String) -> UInt64 {
    metrics.counter("hyper_certificate_reloads_total", help: "", labels: ["outcome": outcome]).value
  }

  @Test func theSameFilesAreOneSource() throws {
    try issue()
    let store = store()
    #expect(try store.source(for: files) === store.source(for: files))
    #expect(throws: TrustError(.missingFile, "")) { try store.source(for: TrustFiles(caCertificateFiles: [folder["none.crt"]])) }
  }

  @Test func aReloadPutsANewPairInForce() throws {
    let first = try issue()
    let store = store()
    let source = try store.source(for: files)
    #expect(source.current.identity?.fingerprint == first.fingerprint.hex)
    #expect(store.reload())
    #expect(source.version == 1)
    let second = try issue()
    #expect(store.reload())
    #expect(source.current.identity?.fingerprint == second.fingerprint.hex)
    #expect(source.version == 2)
    #expect(reloads("reloaded") == 1)
    #expect(log.count("certificates reloaded") == 1)
    #expect(log.all.last?.contains("fingerprint=\(second.fingerprint.hex.prefix(16))…") == true)
  }

  @Test func aHalfWrittenPairLeavesTheOldOneInForceAndSaysSoOnce() throws {
    let first = try issue()
    let store = store()
    let source = try store.source(for: files)
    let second = try root.issue(commonName: "op-1")
    try folder.write(second.keyPEM, to: "op-1.key")
    for _ in 0..<6 { store.look() }
    #expect(source.current.identity?.fingerprint == first.fingerprint.hex)
    #expect(log.count("certificates cannot be reloaded, the last good ones stay in force") == 1)
    #expect(log.all.last?.contains("op-1.key does not belong to the certificate in") == true)
    #expect(reloads("failed") == 1)
    // Whoever asks is told again.
    #expect(!store.reload())
    #expect(log.count("certificates cannot be reloaded") == 2)
    try folder.write(second.chainPEM, to: "op-1.crt")
    for _ in 0..<3 { store.look() }
    #expect(source.current.identity?.fingerprint == second.fingerprint.hex)
    #expect(log.count("certificates reloaded") == 1)
  }

  @Test(arguments: ["", "nonsense", "-----BEGIN CERTIFICATE-----\nMIIB"]) func aBrokenFileLeavesTheOldOnesInForce(text: String) throws {
    let first = try issue()
    let store = store()
    let source = try store.source(for: files)
    for name in ["op-1.crt", "root.crt"] {
      let good = try folder.read(name)
      try folder.write(text, to: name)
      #expect(!store.reload())
      #expect(log.all.last?.contains(name) == true)
      try folder.write(good, to: name)
    }
    #expect(source.current.identity?.fingerprint == first.fingerprint.hex)
    #expect(source.current.roots.count == 1)
    #expect(source.version == 1)
  }

  @Test func newAuthoritiesAreTrustedByAVerifierThatIsThereAlready() async throws {
    try issue()
    let store = store()
    let source = try store.source(for: files)
    let verifier = PeerVerifier(source: source, pins: nil)
    let other = try CertificateAuthority.makeRoot(commonName: "other")
    let peer = try other.issue(commonName: "op-2").credentials()
    guard case .failure = await verifier.verify(chain: peer.chain, as: .client) else {
      Issue.record("trusted too early")
      return
    }
    try folder.write(try root.rootPEM + other.rootPEM, to: "root.crt")
    store.reload()
    guard case .success = await verifier.verify(chain: peer.chain, as: .client) else {
      Issue.record("not trusted")
      return
    }
  }

  @Test func somebodyElsesCertificateIsNotPutInForce() throws {
    let first = try issue()
    let store = store()
    let source = try store.source(for: files, ownName: "op-1")
    try issue("op-2")
    #expect(!store.reload())
    #expect(source.current.identity?.fingerprint == first.fingerprint.hex)
    #expect(log.all.last?.contains("names 'op-2', the one in force 'op-1'") == true)
  }

  @Test func anExpiredCertificateIsNotPutInForce() throws {
    let first = try issue()
    let store = store()
    let source = try store.source(for: files)
    let expired = try root.issue(CertificateRequest(commonName: "op-1", notBefore: day(-2), notAfter: day(-1)))
    try expired.write(certificateFile: folder["op-1.crt"], keyFile: folder["op-1.key"])
    #expect(!store.reload())
    #expect(source.current.identity?.fingerprint == first.fingerprint.hex)
    #expect(log.all.last?.contains("expired at") == true)
  }

  @Test func whileItRunsAChangeIsSeenWithoutASignal() async throws {
    try issue()
    let store = store()
    let source = try store.source(for: files)
    let running = Task { try await store.run() }
    let second = try issue()
    // A reload is a line. Bounded by the time limit of the suite.
    for await _ in log.written where source.version > 1 { break }
    #expect(source.current.identity?.fingerprint == second.fingerprint.hex)
    running.cancel()
    try await running.value
  }

  @Test func aContextIsMadeAnewForNewCredentialsAndNoOthers() throws {
    try issue()
    let source = try store().source(for: files)
    let made = Mutex(0)
    let cache = TLSContextCache(trust: source) { credentials in
      made.withLock { $0 += 1 }
      return try credentials.serverConfiguration(verifyClient: .required, alpn: [])
    }
    let first = try cache.context()
    #expect(try cache.context() === first)
    source.replace(with: try Credentials.load(files))
    #expect(try cache.context() !== first)
    #expect(made.withLock { $0 } == 2)
  }

  @Test func whatEndsSoonIsSaidAndAMetric() throws {
    try issue(until: day(19.5))
    let store = store()
    _ = try store.source(for: files)
    store.tellExpiries(now: Date())
    store.tellExpiries(now: Date())
    #expect(log.count("warning certificate expires soon") == 1)
    #expect(log.all.last?.contains("days_left=19") == true)
    #expect(log.all.last?.contains("file=\(folder["op-1.crt"])") == true)
    // The authority has a hundred days left: in 75 both are due.
    store.tellExpiries(now: day(75))
    #expect(log.count("certificate expires soon") == 2)
    #expect(log.count("error certificate has expired") == 1)
    let text = metrics.exposition()
    for name in ["op-1.crt", "root.crt"] {
      #expect(text.contains("hyper_certificate_not_after_seconds{file=\"\(folder[name])\""), "\(text)")
    }
  }
}

@Suite struct FileWatchTests {
  private let now = ContinuousClock.now
  private let one: [FileMark]
  private let other: [FileMark]
  private let folder: TestFolder

  init() throws {
    folder = try TestFolder()
    one = [FileMark(of: try folder.write("1", to: "a"))]
    other = [FileMark(of: try folder.write("22", to: "a"))]
  }

  @Test func aChangeIsReadWhenItRests() {
    var watch = FileWatch(read: one)
    #expect(watch.looked(one, now: now) == .read)
    let isSteady = watch.succeeded(before: one, after: one)
    #expect(isSteady)
    #expect(watch.looked(one, now: now) == .rest)
    #expect(watch.looked(other, now: now) == .rest)
    #expect(watch.looked(one, now: now) == .rest)
    #expect(watch.looked(other, now: now) == .rest)
    #expect(watch.looked(other, now: now) == .read)
  }

  @Test func whatChangedWhileItWasReadDoesNotCount() {
    var watch = FileWatch(read: one)
    _ = watch.looked(one, now: now)
    let isSteady = watch.succeeded(before: one, after: other)
    #expect(!isSteady)
    #expect(watch.looked(other, now: now) == .read)
    let isNews = watch.failed(before: other, after: one, why: "x", now: now)
    #expect(!isNews)
    #expect(watch.looked(one, now: now) == .read)
  }

  @Test func trouble() {
    var watch = FileWatch(read: one)
    let first = watch.failed(before: one, after: one, why: "x", now: now)
    #expect(first)
    // As long as nothing changes it is tried again after a while only, and the same reason is no news.
    #expect(watch.looked(one, now: now) == .rest)
    #expect(watch.looked(one, now: now + FileWatch.retryInterval) == .read)
    let again = watch.failed(before: one, after: one, why: "x", now: now)
    #expect(!again)
    let another = watch.failed(before: one, after: one, why: "y", now: now)
    #expect(another)
    // A change is read as soon as it rests.
    #expect(watch.looked(other, now: now) == .rest)
    #expect(watch.looked(other, now: now) == .read)
    _ = watch.succeeded(before: other, after: other)
    let later = watch.failed(before: other, after: other, why: "y", now: now)
    #expect(later)
  }

  @Test func aMarkTellsAMissingFileAndAReplacedOne() throws {
    #expect(FileMark(of: folder["none"]) == FileMark(of: folder["none"]))
    #expect(FileMark(of: folder["none"]) != FileMark(of: folder["a"]))
    #expect(one != other)
  }
}

@Suite struct ExpiryNoticesTests {
  private let end = Date(timeIntervalSince1970: 2_000_000_000)
  private func expiry(_ file: String = "a") -> CertificateExpiry { CertificateExpiry(file: file, subject: "s", notValidAfter: end) }
  private func before(_ days: Double) -> Date { end.addingTimeInterval(-days * 86_400) }

  @Test func fromThirtyDaysAheadOnceADay() {
    var notices = ExpiryNotices()
    #expect(notices.due([expiry()], now: before(30)).isEmpty)
    #expect(notices.due([expiry()], now: before(29.5)).map(\.daysLeft) == [29])
    #expect(notices.due([expiry()], now: before(29)).isEmpty)
    #expect(notices.due([expiry()], now: before(28.4)).map(\.daysLeft) == [28])
    #expect(notices.due([expiry()], now: before(-0.5)).map(\.daysLeft) == [-1])
  }

  @Test func eachFileByItselfAndARenewedOneNoMore() {
    var notices = ExpiryNotices()
    #expect(notices.due([expiry("b"), expiry("a")], now: before(1)).map(\.expiry.file) == ["a", "b"])
    #expect(notices.due([expiry("b")], now: before(0.9)).isEmpty)
    // It is back: that is news.
    #expect(notices.due([expiry("a"), expiry("b")], now: before(0.8)).map(\.expiry.file) == ["a"])
  }
}
