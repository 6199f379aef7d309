using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Tests.Safetensors;

namespace EmbeddedLlm.Tests.HuggingFace;

/// <summary>
/// Writes a golden model in both forms, a folder and a GGUF file with the same weights. The order of rows in the folder is written down here from
/// what the makers' code does, and shares nothing with what reads it.
/// </summary>
internal static class FolderModel
{
    /// <summary>Writes the folder <c>model</c> and the file <c>model.gguf</c> into a folder.</summary>
    /// <param name="name">The golden model.</param>
    /// <param name="into">Where to.</param>
    /// <param name="type">The number format of the folder's tensors; in the file vectors are F32.</param>
    /// <param name="shards">Files of weights.</param>
    public static (string Folder, string File) Write(string name, string into, GgmlType type = GgmlType.F32, int shards = 1)
    {
        var folder = Directory.CreateDirectory(Path.Combine(into, "model")).FullName;
        var path = Path.Combine(into, "model.gguf");
        using var golden = GgufFile.Open(Golden.Path("models", name, "model.gguf"));
        var family = golden.Metadata.GetString("general.architecture");
        var writer = GgufWriter.From(golden, withTensors: false);
        var tensors = new List<(string Name, string Type, long[] Shape, byte[] Bytes)>();
        foreach (var tensor in golden.Tensors)
        {
            if (tensor.Name.StartsWith("rope_f", StringComparison.Ordinal))
            {
                writer.Add(tensor);
                continue;
            }

            var numbers = MemoryMarshal.Cast<byte, float>(tensor.Slice(0, (int)tensor.Bytes)).ToArray();
            var rows = tensor.Dimensions.Length == 1 ? 1 : (int)tensor.Dimensions[1];
            var columns = (int)tensor.Dimensions[0];
            var isNormLessOne = family.StartsWith("gemma", StringComparison.Ordinal) && tensor.Name.Contains("norm", StringComparison.Ordinal);
            var stored = Round(isNormLessOne ? [.. numbers.Select(number => number - 1)] : numbers, type);
            float[] used = isNormLessOne ? [.. stored.Select(number => number + 1)] : stored;
            var usedType = rows == 1 ? GgmlType.F32 : type;
            writer.Add(tensor.Name, usedType, tensor.Dimensions.AsSpan(), stream => stream.Write(Encode(used, usedType)));

            var (heads, kvHeads) = (golden.Metadata.GetInt($"{family}.attention.head_count"), golden.Metadata.GetInt($"{family}.attention.head_count_kv"));
            float[] ordered = (family, Role(tensor.Name)) switch
            {
                ("llama", "attn_q") => HalvesOfPairs(stored, heads, rows == 1 ? 1 : columns),
                ("llama", "attn_k") => HalvesOfPairs(stored, kvHeads, rows == 1 ? 1 : columns),
                ("gptneox", "attn_qkv") => HeadByHead(stored, heads, rows == 1 ? 1 : columns),
                ("gpt2", "attn_qkv" or "attn_output" or "ffn_up" or "ffn_down") when rows > 1 => Transposed(stored, rows, columns),
                _ => stored,
            };
            long[] shape = tensor.Dimensions.Length == 1 ? [columns] : family == "gpt2" && Role(tensor.Name) is "attn_qkv" or "attn_output" or "ffn_up" or "ffn_down" && rows > 1 && family == "gpt2" ? [columns, rows] : [rows, columns];
            tensors.Add((FolderNames.Of(family, tensor.Name), $"{type}", shape, Encode(ordered, type)));
        }

        if (family == "gpt2")
            tensors.Add(("h.0.attn.bias", "F32", [1, 1, 2, 2], new byte[16]));      // the mask that the code keeps
        writer.Save(path);
        WriteShards(folder, tensors, shards);
        File.WriteAllText(Path.Combine(folder, "config.json"), FolderNames.Config(family, golden, isTied: !golden.TryGetTensor("output.weight", out _)).ToJsonString());
        FolderTokenizerFiles.Write(folder, golden.Metadata);
        return (folder, path);
    }

    /// <summary>Changes a key of the folder's config.json.</summary>
    public static void Set(string folder, string key, JsonNode? value, string file = "config.json")
    {
        var path = Path.Combine(folder, file);
        var config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        config[key] = value;
        File.WriteAllText(path, config.ToJsonString());
    }

    private static void WriteShards(string folder, List<(string Name, string Type, long[] Shape, byte[] Bytes)> tensors, int count)
    {
        if (count == 1)
        {
            SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), tensors);
            return;
        }

        var map = new JsonObject();
        var number = 0;
        foreach (var shard in tensors.Chunk((tensors.Count + count - 1) / count))
        {
            var file = $"model-{++number:D5}-of-{count:D5}.safetensors";
            SafetensorsWriter.Write(Path.Combine(folder, file), shard);
            foreach (var tensor in shard)
                map[tensor.Name] = file;
        }

        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map }.ToJsonString());
    }

    private static string Role(string name) => name.StartsWith("blk.", StringComparison.Ordinal) ? name.Split('.')[2] : name.Split('.')[0];

    private static float[] Round(float[] numbers, GgmlType type)
    {
        var rounded = new float[numbers.Length];
        BlockFormats.Get(type).Dequantize(Encode(numbers, type), rounded);
        return rounded;
    }

    private static byte[] Encode(float[] numbers, GgmlType type)
    {
        var format = BlockFormats.Get(type);
        var bytes = new byte[format.RowBytes(numbers.Length)];
        format.Quantize(numbers, bytes);
        return bytes;
    }

    // rotate_half turns number n of a head together with n + half; GGUF has the two side by side.
    private static float[] HalvesOfPairs(float[] gguf, int heads, int columns)
    {
        var rows = gguf.Length / columns;
        var (width, folder) = (rows / heads, new float[gguf.Length]);
        for (var head = 0; head < heads; head++)
        {
            for (var pair = 0; pair < width / 2; pair++)
            {
                Copy(gguf, head * width + 2 * pair, folder, head * width + pair, columns);
                Copy(gguf, head * width + 2 * pair + 1, folder, head * width + width / 2 + pair, columns);
            }
        }

        return folder;
    }

    // view(heads, 3 * width).chunk(3): each head has its query, key and value together; GGUF has all queries, all keys, all values.
    private static float[] HeadByHead(float[] gguf, int heads, int columns)
    {
        var rows = gguf.Length / columns;
        var (width, folder) = (rows / heads / 3, new float[gguf.Length]);
        for (var part = 0; part < 3; part++)
        {
            for (var head = 0; head < heads; head++)
            {
                for (var number = 0; number < width; number++)
                    Copy(gguf, part * heads * width + head * width + number, folder, head * 3 * width + part * width + number, columns);
            }
        }

        return folder;
    }

    // Conv1D multiplies from the left: y = x W, with W [inputs, outputs].
    private static float[] Transposed(float[] gguf, int outputs, int inputs)
    {
        var folder = new float[gguf.Length];
        for (var output = 0; output < outputs; output++)
        {
            for (var input = 0; input < inputs; input++)
                folder[input * outputs + output] = gguf[output * inputs + input];
        }

        return folder;
    }

    private static void Copy(float[] from, int fromRow, float[] to, int toRow, int columns) => from.AsSpan(fromRow * columns, columns).CopyTo(to.AsSpan(toRow * columns));
}
