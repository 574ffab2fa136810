public import NIOCore
public import NIOSSL

extension PeerVerifier {
  /// The verifier in the form that NIOSSL's handlers and the gRPC transport take.
  ///
  /// It replaces BoringSSL's verification and runs only while `certificateVerification` is not `.none`. NIOSSL calls it on the event
  /// loop; the work is done in a task, which ends by itself after a few milliseconds and completes the promise in every case.
  /// - Parameter onRefusal: called once for each refused peer, from any thread; it must not block.
  public func callback(
    as role: PeerRole, onRefusal: @escaping @Sendable (PeerRefusal) -> Void
  ) -> @Sendable ([NIOSSLCertificate], EventLoopPromise<NIOSSLVerificationResultWithMetadata>) -> Void {
    { chain, promise in
      promise.completeWithTask {
        switch await verify(chain: chain, as: role) {
        case .success(let peer):
          return .certificateVerified(VerificationMetadata(ValidatedCertificateChain(peer.chain)))
        case .failure(let refusal):
          onRefusal(refusal)
          return .failed
        }
      }
    }
  }

  /// The same for interfaces that take the older callback without metadata, such as the HTTPS server's.
  public func plainCallback(
    as role: PeerRole, onRefusal: @escaping @Sendable (PeerRefusal) -> Void
  ) -> @Sendable ([NIOSSLCertificate], EventLoopPromise<NIOSSLVerificationResult>) -> Void {
    { chain, promise in
      promise.completeWithTask {
        switch await verify(chain: chain, as: role) {
        case .success:
          return .certificateVerified
        case .failure(let refusal):
          onRefusal(refusal)
          return .failed
        }
      }
    }
  }
}
