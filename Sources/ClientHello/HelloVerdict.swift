/// What the bytes received so far amount to.
///
/// "Not enough yet", "a hello without a name" (`hello` with a nil name), "malformed" and "not TLS" (`refused` with and
/// without an alert) are four different answers; nothing but the first two kinds of `hello` may ever reach a route.
public enum HelloVerdict: Equatable, Sendable {
  /// What arrived is the beginning of a hello; read on.
  case needMore
  /// A complete, well-formed hello.
  case hello(ClientHelloFacts)
  /// No further bytes can make this acceptable.
  case refused(HelloRefusal)
}
