package import Hummingbird
import NIOCore

/// Context of a request on the port that agents and gateways call.
package struct PeerContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The connection, whose certificate says who asks.
    let channel: any Channel

    package init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}
