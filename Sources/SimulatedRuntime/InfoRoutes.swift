import NIOHTTP1

/// What a runtime tells about itself.
struct InfoRoutes {
    let engine: Engine

    func answer(_ path: String, query: String, _ writer: ResponseWriter) {
        let dialect = engine.settings.dialect
        if dialect == .llamacpp, !engine.isReady, path != "/metrics" { return refuse(.loading, writer) }
        switch (dialect, path) {
        case (.vllm, "/health"): writer.whole(.ok, "")
        case (.llamacpp, "/health"): writer.whole(.ok, "{\"status\":\"ok\"}")
        case (_, "/v1/models"): writer.whole(.ok, models)
        case (_, "/metrics"): writer.whole(.ok, type: "text/plain; version=0.0.4", engine.metrics.text)
        case (.vllm, "/version"): writer.whole(.ok, "{\"version\":\"0.33.0\"}")
        case (.vllm, "/load"): writer.whole(.ok, "{\"server_load\":\(engine.table.running + engine.table.waiting)}")
        case (.llamacpp, "/slots"): slots(query, writer)
        case (.llamacpp, "/props"): writer.whole(.ok, props)
        default: refuse(.notFound, writer)
        }
    }

    private func refuse(_ refusal: Refusal, _ writer: ResponseWriter) {
        writer.whole(refusal.status(in: engine.settings.dialect), refusal.body(in: engine.settings.dialect))
    }

    private var models: String {
        let name = engine.settings.model.json
        let created = Int(Duration.sinceEpoch.components.seconds)
        switch engine.settings.dialect {
        case .vllm:
            return
                "{\"object\":\"list\",\"data\":[{\"id\":\(name),\"object\":\"model\",\"created\":\(created),\"owned_by\":\"vllm\",\"root\":\(name),"
                + "\"parent\":null,\"max_model_len\":\(engine.settings.contextTokens)}]}"
        case .llamacpp:
            return "{\"object\":\"list\",\"data\":[{\"id\":\(name),\"object\":\"model\",\"created\":\(created),\"owned_by\":\"llamacpp\","
                + "\"meta\":{\"n_ctx_train\":\(engine.settings.contextTokens)}}]}"
        }
    }

    private func slots(_ query: String, _ writer: ResponseWriter) {
        if query.contains("fail_on_no_slot=1"), !engine.table.hasFreeSlot { return refuse(.overloaded, writer) }
        let running = engine.table.running
        let rows = (0..<engine.settings.slots).map { slot in
            "{\"id\":\(slot),\"n_ctx\":\(engine.settings.contextTokens),\"speculative\":false,\"is_processing\":\(slot < running)}"
        }
        writer.whole(.ok, "[" + rows.joined(separator: ",") + "]")
    }

    private var props: String {
        "{\"default_generation_settings\":{\"n_ctx\":\(engine.settings.contextTokens)},\"total_slots\":\(engine.settings.slots),"
            + "\"model_alias\":\(engine.settings.model.json),\"model_path\":\"simulated\",\"chat_template\":\"\"}"
    }
}
