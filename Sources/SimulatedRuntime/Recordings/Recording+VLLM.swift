/// vLLM 0.33.0 (`entrypoints/openai/chat_completion/protocol.py` and `serving.py`): members that were set are written, null ones too, so that each
/// event says `token_ids` and `kv_transfer_params`; but for the last event, which tells usage and has no null. Content that is empty rather than
/// null, calls of tools whose first piece has no arguments, usage in every event when asked, errors in the stream with status 200 and `[DONE]`
/// behind them. In `vllm-both-reasonings` `reasoning` has its older name beside it, as in older releases.
extension Recording {
    static let vllm = [
        Recording(
            "vllm-tools",
            events: #"""
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"tool_calls":[{"id":"chatcmpl-tool-0a1b2c3d4e5f6071","type":"function","index":0,"function":{"name":"get_weather"}}]},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\": \""}}]},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"Lisbon"}}]},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"}"}}]},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"tool_calls":[{"id":"chatcmpl-tool-1f2e3d4c5b6a7980","type":"function","index":1,"function":{"name":"get_weather"}}]},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{\"city\": \"Oslo\", "}}]},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"\"unit\": \"celsius\"}"}}]},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls","stop_reason":null,"token_ids":null,"weight_versions":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[],"usage":{"prompt_tokens":212,"total_tokens":253,"completion_tokens":41,"prompt_tokens_details":{"cached_tokens":192}},"system_fingerprint":"vllm-0.33.0-5d0c1f6a"}
                """#,
            whole: #"""
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion","created":1790000000,"model":"recorded","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"annotations":null,"audio":null,"function_call":null,"tool_calls":[{"id":"chatcmpl-tool-0a1b2c3d4e5f6071","type":"function","function":{"name":"get_weather","arguments":"{\"city\": \"Lisbon\"}"}},{"id":"chatcmpl-tool-1f2e3d4c5b6a7980","type":"function","function":{"name":"get_weather","arguments":"{\"city\": \"Oslo\", \"unit\": \"celsius\"}"}}],"reasoning":null},"logprobs":null,"finish_reason":"tool_calls","stop_reason":null,"token_ids":null,"routed_experts":null,"weight_versions":null}],"service_tier":null,"system_fingerprint":"vllm-0.33.0-5d0c1f6a","usage":{"prompt_tokens":212,"total_tokens":253,"completion_tokens":41,"prompt_tokens_details":{"cached_tokens":192,"created_cache_tokens":null,"multimodal_tokens":null},"completion_tokens_details":null},"prompt_logprobs":null,"prompt_token_ids":null,"prompt_text":null,"kv_transfer_params":null,"ec_transfer_params":null,"metrics":null}
                """#),
        Recording(
            "vllm-reasoning",
            events: #"""
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning":"Two and"},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning":" two."},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"content":"4"},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"content":"."},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null,"weight_versions":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[],"usage":{"prompt_tokens":18,"total_tokens":27,"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":5}},"system_fingerprint":"vllm-0.33.0-5d0c1f6a"}
                """#,
            whole: #"""
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion","created":1790000000,"model":"recorded","choices":[{"index":0,"message":{"role":"assistant","content":"4.","refusal":null,"annotations":null,"audio":null,"function_call":null,"reasoning":"Two and two."},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null,"routed_experts":null,"weight_versions":null}],"service_tier":null,"system_fingerprint":"vllm-0.33.0-5d0c1f6a","usage":{"prompt_tokens":18,"total_tokens":27,"completion_tokens":9,"prompt_tokens_details":null,"completion_tokens_details":{"reasoning_tokens":5}},"prompt_logprobs":null,"prompt_token_ids":null,"prompt_text":null,"kv_transfer_params":null,"ec_transfer_params":null,"metrics":null}
                """#),
        Recording(
            "vllm-both-reasonings",
            events: #"""
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning":"Two and","reasoning_content":"Two and"},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning":" two.","reasoning_content":" two."},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"content":"4"},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"content":"."},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null,"weight_versions":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[],"usage":{"prompt_tokens":18,"total_tokens":27,"completion_tokens":9},"system_fingerprint":"vllm-0.33.0-5d0c1f6a"}
                """#,
            whole: #"""
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion","created":1790000000,"model":"recorded","choices":[{"index":0,"message":{"role":"assistant","content":"4.","refusal":null,"annotations":null,"audio":null,"function_call":null,"reasoning":"Two and two.","reasoning_content":"Two and two."},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null,"routed_experts":null,"weight_versions":null}],"service_tier":null,"system_fingerprint":"vllm-0.33.0-5d0c1f6a","usage":{"prompt_tokens":18,"total_tokens":27,"completion_tokens":9,"prompt_tokens_details":null,"completion_tokens_details":null},"prompt_logprobs":null,"prompt_token_ids":null,"prompt_text":null,"kv_transfer_params":null,"ec_transfer_params":null,"metrics":null}
                """#),
        Recording(
            "vllm-logprobs",
            events: #"""
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"content":"Yes"},"logprobs":{"content":[{"token":"Yes","logprob":-0.125,"bytes":[89,101,115],"top_logprobs":[{"token":"Yes","logprob":-0.125,"bytes":[89,101,115]},{"token":" maybe","logprob":-3.25,"bytes":[32,109,97,121,98,101]}]}]},"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"content":"!"},"logprobs":{"content":[{"token":"!","logprob":-1.5,"bytes":[33],"top_logprobs":[{"token":"!","logprob":-1.5,"bytes":[33]},{"token":" maybe","logprob":-3.25,"bytes":[32,109,97,121,98,101]}]}]},"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null,"weight_versions":null}],"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[],"usage":{"prompt_tokens":11,"total_tokens":14,"completion_tokens":3},"system_fingerprint":"vllm-0.33.0-5d0c1f6a"}
                """#,
            whole: #"""
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion","created":1790000000,"model":"recorded","choices":[{"index":0,"message":{"role":"assistant","content":"Yes!","refusal":null,"annotations":null,"audio":null,"function_call":null,"reasoning":null},"logprobs":{"content":[{"token":"Yes","logprob":-0.125,"bytes":[89,101,115],"top_logprobs":[{"token":"Yes","logprob":-0.125,"bytes":[89,101,115]},{"token":" maybe","logprob":-3.25,"bytes":[32,109,97,121,98,101]}]},{"token":"!","logprob":-1.5,"bytes":[33],"top_logprobs":[{"token":"!","logprob":-1.5,"bytes":[33]},{"token":" maybe","logprob":-3.25,"bytes":[32,109,97,121,98,101]}]}]},"finish_reason":"stop","stop_reason":null,"token_ids":null,"routed_experts":null,"weight_versions":null}],"service_tier":null,"system_fingerprint":"vllm-0.33.0-5d0c1f6a","usage":{"prompt_tokens":11,"total_tokens":14,"completion_tokens":3,"prompt_tokens_details":null,"completion_tokens_details":null},"prompt_logprobs":null,"prompt_token_ids":null,"prompt_text":null,"kv_transfer_params":null,"ec_transfer_params":null,"metrics":null}
                """#),
        Recording(
            "vllm-continuous-usage",
            events: #"""
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":{"prompt_tokens":11,"total_tokens":11,"completion_tokens":0,"completion_tokens_details":null},"prompt_token_ids":null,"prompt_text":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"content":"one"},"logprobs":null,"finish_reason":null,"token_ids":null}],"usage":{"prompt_tokens":11,"total_tokens":12,"completion_tokens":1,"completion_tokens_details":null},"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"content":" two"},"logprobs":null,"finish_reason":null,"token_ids":null}],"usage":{"prompt_tokens":11,"total_tokens":13,"completion_tokens":2,"completion_tokens_details":null},"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null,"weight_versions":null}],"usage":{"prompt_tokens":11,"total_tokens":14,"completion_tokens":3,"completion_tokens_details":null},"kv_transfer_params":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[],"usage":{"prompt_tokens":11,"total_tokens":14,"completion_tokens":3},"system_fingerprint":"vllm-0.33.0-5d0c1f6a"}
                """#,
            whole: #"""
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion","created":1790000000,"model":"recorded","choices":[{"index":0,"message":{"role":"assistant","content":"one two","refusal":null,"annotations":null,"audio":null,"function_call":null,"reasoning":null},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null,"routed_experts":null,"weight_versions":null}],"service_tier":null,"system_fingerprint":"vllm-0.33.0-5d0c1f6a","usage":{"prompt_tokens":11,"total_tokens":14,"completion_tokens":3,"prompt_tokens_details":null,"completion_tokens_details":null},"prompt_logprobs":null,"prompt_token_ids":null,"prompt_text":null,"kv_transfer_params":null,"ec_transfer_params":null,"metrics":null}
                """#),
        Recording(
            "vllm-error",
            events: #"""
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null}
                {"id":"chatcmpl-5d0c1f6a2b3e4c7f","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"content":"one"},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}
                {"error":{"message":"EngineCore encountered an issue. See stack trace (above) for the root cause.","type":"InternalServerError","param":null,"code":500}}
                """#,
            whole: #"""
                {"error":{"message":"EngineCore encountered an issue. See stack trace (above) for the root cause.","type":"InternalServerError","param":null,"code":500}}
                """#, status: 500),
    ]
}
