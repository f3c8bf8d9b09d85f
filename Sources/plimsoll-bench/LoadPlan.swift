/// What the customers of a run do.
struct LoadPlan {
    let port: Int
    let connections: Int
    /// One for each model.
    let requests: [[UInt8]]
    let tokens: Int?
    let begins: Moment
    /// Milliseconds over which the connections begin.
    let ramp: Double
    /// No request begins after this.
    let ends: Moment
    /// Requests a second of an open loop; nil for a closed one.
    let rate: Double?
    /// No request begins after so many.
    let most: Int

    /// Who has no whole answer by then has lost it.
    var givesUp: Moment { ends.after(milliseconds: 45000) }

    /// When this request of an open loop is due.
    func due(_ number: Int) -> Moment {
        begins.after(milliseconds: Double(number) * 1000 / (rate ?? 1))
    }

    func opens(_ number: Int) -> Moment {
        begins.after(milliseconds: ramp * Double(number) / Double(max(1, connections)))
    }
}
