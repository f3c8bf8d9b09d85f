/// Where a peer is dialled, and who must answer there.
package struct LinkPeer: Sendable, Hashable {
    /// Id in the peer's certificate.
    package var id: String
    /// `host:port`, an IPv6 address in brackets.
    package var address: String

    package init(id: String, address: String) {
        self.id = id
        self.address = address
    }
}
