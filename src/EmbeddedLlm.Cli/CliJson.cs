using System.Text.Encodings.Web;
using System.Text.Json;

namespace EmbeddedLlm.Cli;

/// <summary>How the commands print JSON: on one line, text as it is.</summary>
internal static class CliJson
{
    public static JsonSerializerOptions Options { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
