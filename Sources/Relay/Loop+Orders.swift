import ClientHello

/// What comes through the mailbox. An order for a stream that is gone, or in a phase where it makes no sense, is ignored:
/// orders and events race, and the stream's end has been reported.
extension Loop {
  func carryOutOrders() {
    var batch: [Order] = []
    swap(&batch, &orders)
    mailbox.take(into: &batch)
    for order in batch { carryOut(order) }
    batch.removeAll(keepingCapacity: true)
    swap(&batch, &orders)
  }

  private func carryOut(_ order: Order) {
    switch order {
    case .listen(let socket):
      add(socket)
    case .expect(let stream, let token):
      expect(stream, token)
    case .refuse(let stream, let alert, let cause, let detail):
      guard let number = find(stream) else { return }
      switch slots[Int(number)].phase {
      case .deciding, .waiting, .dialing, .connecting: refuse(number, with: alert, cause: cause, detail: detail)
      case .free, .hello, .presenting, .relaying, .discarding: break
      }
    case .route(let stream, let target, let preface):
      guard let number = find(stream), slots[Int(number)].phase == .deciding else { return }
      guard preface.isEmpty || preface.withUnsafeBytes({ slots[Int(number)].up.spill.prepend($0) }) else {
        return refuse(number, with: .internalError, cause: .system, detail: "no memory for what the server gets first")
      }
      startRoute(number, to: target)
    case .join(let stream, let token, let tokenPort, let upstream):
      startJoin(stream, token, tokenPort: tokenPort, upstream)
    case .cancel(let stream):
      if let number = find(stream) { abort(number, .cancelled) }
    case .present(let descriptor, let token):
      present(descriptor, token)
    case .resolved(let slot, let generation, let end, let target, let result):
      resolved(slot, generation: generation, end, target, result)
    case .drain(let milliseconds):
      drain(milliseconds)
    }
  }

  private func expect(_ stream: StreamID, _ token: Token) {
    guard let number = find(stream), [.deciding, .waiting].contains(slots[Int(number)].phase) else { return }
    // Two tokens with equal first halves do not occur; if they do, this client waits in vain and is told so.
    guard tokens.insert(token, for: number, after: slots[Int(number)].tokenKey) else { return }
    slots[Int(number)].tokenKey = TokenTable.Key(token)
    // A further token does not make the wait longer.
    guard slots[Int(number)].phase == .deciding else { return }
    slots[Int(number)].phase = .waiting
  }

  /// Ends a stream that did not end by itself. An end that both sides would take for a clean one would be a lie, so where
  /// bytes have flowed, or might have, both get a reset.
  func abort(_ number: UInt32, _ cause: EndCause) {
    switch slots[Int(number)].phase {
    case .relaying: end(number, cause, resetting: .both)
    case .dialing, .connecting: end(number, cause, resetting: slots[Int(number)].isOrdered ? .both : .upstream)
    case .discarding: finishDiscarding(number)
    case .hello, .deciding: end(number, cause, resetting: slots[Int(number)].isOrdered ? .downstream : [])
    case .free, .waiting, .presenting: end(number, cause)
    }
  }

  private func drain(_ milliseconds: UInt64) {
    if !isDraining {
      isDraining = true
      stopAccepting()
    }
    drainEndsAt = min(drainEndsAt, now + milliseconds)
  }
}
