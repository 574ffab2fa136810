public import ClientHello

/// What a loop may be told about a hello at once (`RelaySettings.decide`).
public enum HelloDecision: Sendable {
  /// The client goes to this address.
  case route(DialTarget)
  /// The client is told why not. What it costs is bounded: no other thread is asked, and such ends are told only so often
  /// (`refusalsTold`).
  case refuse(TLSAlert, EndCause)
  /// `helloArrived` asks the control plane.
  case ask
}
