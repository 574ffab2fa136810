import NIOCore
import NIOSSL
import Synchronization
import Trust

/// Decides who is at the other end of a TLS connection, after the handshake and before a byte of a request is looked at.
///
/// The handshake itself takes any certificate (it proves that the client holds the key) and the check comes right behind it. Thus a client
/// that is refused learns which check failed, from an answer with status 403, instead of guessing from a TLS alert; and a resumed
/// session, for which TLS libraries ask no callback, is checked like any other one, against the pins of today.
///
/// `recent` is the only mutable state: the chains of the last full handshakes, because a resumed session brings the leaf alone.
final class ClientCheck: Sendable {
  private let verifier: PeerVerifier
  private let isRequired: Bool
  private let recent = Mutex<RecentChains>(RecentChains())

  init(verifier: PeerVerifier, isRequired: Bool) {
    self.verifier = verifier
    self.isRequired = isRequired
  }

  /// - Parameter presented: what the handshake brought; nil when it was a resumption or the client has no certificate.
  /// - Parameter sessionLeaf: the leaf that the TLS session belongs to.
  func caller(presented: [NIOSSLCertificate]?, sessionLeaf: NIOSSLCertificate?) async -> Result<Caller, PeerRefusal> {
    let chain = presented ?? sessionLeaf.map { leaf in recent.withLock { $0.chain(of: leaf) } } ?? []
    if chain.isEmpty, !isRequired { return .success(.anonymous) }
    switch await verifier.verify(chain: chain, as: .client) {
    case .failure(let refusal): return .failure(refusal)
    case .success(let peer):
      if presented != nil { recent.withLock { $0.remember(chain) } }
      return .success(.certificate(PeerIdentity(names: peer.names, fingerprint: peer.fingerprint)))
    }
  }
}

/// What one handshake brought. Written by the verification callback, read by the connection's task; `chain` is behind its mutex.
final class PresentedChain: Sendable {
  private let chain = Mutex<[NIOSSLCertificate]?>(nil)

  var value: [NIOSSLCertificate]? { chain.withLock { $0 } }

  func record(_ certificates: [NIOSSLCertificate]) {
    chain.withLock { $0 = certificates }
  }
}

/// The verified chains of the last different clients.
struct RecentChains {
  /// A node has a handful of local clients; a chain is a few KiB.
  static let usualLimit = 64

  private let limit: Int
  private var chains: [[NIOSSLCertificate]] = []

  init(limit: Int = usualLimit) {
    self.limit = limit
  }

  mutating func remember(_ chain: [NIOSSLCertificate]) {
    if let known = chains.firstIndex(where: { $0.first == chain.first }) { chains.remove(at: known) }
    chains.append(chain)
    if chains.count > limit { chains.removeFirst() }
  }

  /// The leaf alone when it is not known.
  func chain(of leaf: NIOSSLCertificate) -> [NIOSSLCertificate] {
    chains.last { $0.first == leaf } ?? [leaf]
  }
}
