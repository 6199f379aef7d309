using EmbeddedLlm.Safetensors;

namespace EmbeddedLlm.HuggingFace;

/// <summary>Finds and opens the files of a folder that hold weights.</summary>
internal static class FolderShards
{
    private const string Single = "model.safetensors";
    private const string Index = Single + ".index.json";

    /// <exception cref="ModelFormatException">The index names files outside of the folder, or tensors that are not where it says.</exception>
    /// <exception cref="IOException">A file is missing.</exception>
    public static void Open(string folder, List<SafetensorsFile> files)
    {
        var index = Path.Combine(folder, Index);
        if (!File.Exists(index))
        {
            var single = Path.Combine(folder, Single);
            if (!File.Exists(single))
                throw new FileNotFoundException($"{folder}: expected {Single} or {Index}, found neither. Weights in other files, such as pytorch_model.bin, are not read.", single);
            files.Add(SafetensorsFile.Open(single));
            return;
        }

        var shards = new OrderedDictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var (tensor, shard) in JsonPart.Read(index, FolderLimits.IndexBytes).Require("weight_map", "an object").Members())
        {
            if (!shards.TryGetValue(shard.Text, out var tensors))
                shards.Add(shard.Text, tensors = []);
            tensors.Add(tensor);
        }

        if (shards.Count is 0 or > SafetensorsLimits.Shards)
            throw new ModelFormatException($"{index}: expected 1 to {SafetensorsLimits.Shards} files, found {shards.Count}.");
        foreach (var (name, tensors) in shards)
        {
            // Nothing but a name: no folder, no drive, no way out.
            if (name.IndexOfAny(['/', '\\', ':', '\0']) >= 0 || !name.EndsWith(".safetensors", StringComparison.Ordinal))
                throw new ModelFormatException($"{index}: expected names of .safetensors files in this folder, found '{name}'.");
            var path = Path.Combine(folder, name);
            if (!File.Exists(path))
                throw new FileNotFoundException($"{index}: expected '{path}', found none.", path);
            var file = SafetensorsFile.Open(path);
            files.Add(file);
            var held = file.Tensors.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
            if (tensors.Find(tensor => !held.Contains(tensor)) is { } missing)
                throw new ModelFormatException($"{path}: expected tensor '{missing}', as {Index} says, found none.");
        }
    }
}
