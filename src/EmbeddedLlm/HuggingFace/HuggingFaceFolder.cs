using EmbeddedLlm.Gguf;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Safetensors;

namespace EmbeddedLlm.HuggingFace;

/// <summary>
/// A folder as Hugging Face lays models out (config.json, safetensors, tokenizer, chat template), seen as the GGUF file that it could be:
/// GGUF's names, keys and order of rows. Weights stay where they are mapped; what GGUF has otherwise is made when it is read.
/// </summary>
internal static class HuggingFaceFolder
{
    private const string ConfigName = "config.json";

    /// <summary>Opens a folder.</summary>
    /// <exception cref="ModelFormatException">A file is damaged, or files do not fit together.</exception>
    /// <exception cref="UnsupportedModelException">The architecture, a format of weights or the tokenizer is not supported; the message names it.</exception>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    public static GgufFile Open(string folder)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        var (config, family) = Configuration(folder);
        var files = new List<SafetensorsFile>();
        try
        {
            FolderShards.Open(folder, files);
            var tensors = Place(files, config, family);
            var keys = new FolderKeys(folder, family.Name);
            var table = tensors.Find(tensor => tensor.Name == "token_embd.weight")
                ?? throw new ModelFormatException($"{folder}: the table of tokens is missing among the tensors.");
            if (config.IsTied == false && !tensors.Exists(tensor => tensor.Name == "output.weight"))
                throw new ModelFormatException($"{folder}: the output is missing among the tensors; expected it, as 'tie_word_embeddings' is false.");

            var rows = table.Dimensions[^1];
            if (rows > FolderLimits.Tokens)
                throw new ModelFormatException($"{folder}: expected a table of at most {FolderLimits.Tokens} tokens, found {rows}.");
            keys.Values["general.type"] = GgufValue.Of("model");
            keys.Values["general.name"] = GgufValue.Of(Path.GetFileName(folder));
            keys.Values["general.file_type"] = GgufValue.Of(table.Type switch { GgmlType.F32 => 0u, GgmlType.F16 => 1u, _ => 32u });
            family.Describe(config, keys);
            keys.Set("vocab_size", (int)rows);
            FolderTokenizer.Describe(folder, config, (int)rows, keys);
            if (keys.Values["tokenizer.ggml.model"].ToString() == "llama")
                keys.Values["general.name"] = GgufValue.Of(family.ModelName(Path.GetFileName(folder)));
            FolderTemplate.Describe(folder, keys);
            FolderSampling.Describe(folder, keys);
            foreach (var (name, vector) in keys.Vectors)
                tensors.Add(Vector(folder, name, vector));
            return GgufFile.Of(folder, new GgufMetadata(folder, keys.Values), tensors, [.. files.Select(file => file.Mapping)]);
        }
        catch
        {
            foreach (var file in files)
                file.Dispose();
            throw;
        }
    }

    private static (FolderConfig Config, FolderFamily Family) Configuration(string folder)
    {
        var path = Path.Combine(folder, ConfigName);
        if (!File.Exists(path))
            throw new FileNotFoundException($"'{folder}' is a folder without {ConfigName}. A model is a GGUF file, or a folder with {ConfigName}, safetensors and a tokenizer.", path);
        var json = JsonPart.Read(path, FolderLimits.ConfigBytes);
        if (json["quantization_config"] is { } quantization)
            throw new UnsupportedModelException($"{path}: the weights are quantized ({quantization["quant_method"]?.Text ?? "quantization_config"}), which is supported in GGUF files only. Take the model that this one was made from, or a GGUF file.");
        var architecture = json.Require("architectures", "a list of names").Items().FirstOrDefault() is { IsText: true } first
            ? first.Text
            : throw json.Require("architectures", "a list of names").Wrong("a list of names");
        var family = FolderFamilies.Find(path, architecture);

        // Models that also see or hear describe the part that writes text by itself.
        return (new FolderConfig(json["text_config"] ?? json, architecture), family);
    }

    private static List<GgufTensor> Place(List<SafetensorsFile> files, FolderConfig config, FolderFamily family)
    {
        var tensors = new List<GgufTensor>();
        foreach (var file in files)
        {
            foreach (var tensor in file.Tensors)
            {
                var placement = family.Place(config, tensor.Name)
                    ?? throw new UnsupportedModelException($"{file.Mapping.Path}: tensor '{tensor.Name}' has no place in {config.Architecture}. The model may be of a variant that is not supported.");
                if (placement.Name.Length > 0)
                    tensors.Add(PlacedTensor.Of(file, tensor, placement));
            }
        }

        return tensors;
    }

    private static GgufTensor Vector(string folder, string name, float[] numbers)
    {
        var bytes = new byte[numbers.Length * sizeof(float)];
        Buffer.BlockCopy(numbers, 0, bytes, 0, bytes.Length);
        return new GgufTensor(name, GgmlType.F32, [numbers.Length], numbers.Length, bytes.Length, new MadeBytes(folder, bytes.Length, () => bytes), 0);
    }
}
