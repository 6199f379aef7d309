using System.Text;
using System.Text.Json.Nodes;

namespace EmbeddedLlm.Tests.Safetensors;

/// <summary>Writes safetensors files as the format's page describes them.</summary>
internal static class SafetensorsWriter
{
    public static void Write(string path, params IEnumerable<(string Name, string Type, long[] Shape, byte[] Bytes)> tensors)
    {
        var table = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        var at = 0L;
        foreach (var (name, type, shape, bytes) in tensors)
        {
            table[name] = new JsonObject { ["dtype"] = type, ["shape"] = new JsonArray([.. shape.Select(size => JsonValue.Create(size))]), ["data_offsets"] = new JsonArray(at, at + bytes.Length) };
            at += bytes.Length;
        }

        var header = table.ToJsonString();
        File.WriteAllBytes(path, Bytes(header.PadRight((header.Length + 7) / 8 * 8), [.. tensors.SelectMany(tensor => tensor.Bytes)]));
    }

    /// <summary>A file of a header and what follows it.</summary>
    public static byte[] Bytes(string header, byte[] data) => [.. BitConverter.GetBytes((long)Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), .. data];
}
