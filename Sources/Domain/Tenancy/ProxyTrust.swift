/// Proxies that are believed about the customers for whom they ask.
package struct ProxyTrust: Sendable {
    private let proxies: AddressRanges

    package init(_ proxies: [AddressRange] = []) {
        self.proxies = AddressRanges(proxies)
    }

    /// Nobody is believed.
    package var isEmpty: Bool { proxies.isEmpty }

    package func isProxy(_ address: NetworkAddress?) -> Bool {
        address.map(proxies.contains) ?? false
    }

    /// The customer: the first address from the right that is none of our proxies, because everything left of it is only what the customer says.
    /// Where all of them are proxies it is the farthest one.
    ///
    /// - Parameter nodes: For whom the proxies say that they ask, the nearest one's word first; nil: something that is no address.
    /// - Returns: Nil when the nearest proxies say nothing, or no address.
    package func customer(nodes: some Sequence<NetworkAddress?>) -> NetworkAddress? {
        var farthest: NetworkAddress?
        for node in nodes {
            guard let node else { return nil }
            guard isProxy(node) else { return node }
            farthest = node
        }
        return farthest
    }
}
