using System.Text.Json;
using System.Text.Json.Serialization;

namespace EmbeddedLlm.Chat;

/// <summary>Reads log probabilities of responses that were kept as JSON, as by a cache.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(TokenLogprob[]))]
internal sealed partial class LogprobJson : JsonSerializerContext;
