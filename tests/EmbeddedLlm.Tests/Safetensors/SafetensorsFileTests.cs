using CsCheck;
using EmbeddedLlm.Safetensors;

namespace EmbeddedLlm.Tests.Safetensors;

public sealed class SafetensorsFileTests : IDisposable
{
    private const string Sound = """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[2,2],"data_offsets":[8,16]}}""";

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Open_ASoundFile_GivesTensorsInTheOrderOfTheirBytes()
    {
        var header = """{"b":{"shape":[2,2],"dtype":"BF16","data_offsets":[8,16]},"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}    """;
        using var file = Open(SafetensorsWriter.Bytes(header, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]));
        Assert.Equal(["a", "b"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal(new byte[] { 9, 10, 11, 12, 13, 14, 15, 16 }, file.Mapping.Slice(file.Tensors[1].Start, (int)file.Tensors[1].Bytes).ToArray());
    }

    [Fact]
    public void Open_EmptyTensorsAndSingleNumbers_AreInTheTable()
    {
        using var file = Open(SafetensorsWriter.Bytes("""{"none":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]},"one":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}""", new byte[8]));
        Assert.Equal([0L, 8L], file.Tensors.Select(tensor => tensor.Bytes));
    }

    [Theory]
    [InlineData("", 0, "length of the header")]
    [InlineData("[]", 0, "'{'")]
    [InlineData(" {}", 0, "'{'")]
    [InlineData("{", 0, "no valid table")]
    [InlineData("{}x", 0, "no valid table")]
    [InlineData("{}{}", 0, "no valid table")]
    [InlineData("{}", 1, "tensor data: expected 0 bytes, as the table says, found 1")]
    [InlineData("""{"a":1}""", 0, "StartObject")]
    [InlineData("""{"a":{}}""", 0, "dtype, shape and two data_offsets")]
    [InlineData("""{"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "tensor name")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "'a' again")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "each once")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}""", 4, "'more'")]
    [InlineData("""{"a":{"dtype":1,"shape":[1],"data_offsets":[0,4]}}""", 4, "String")]
    [InlineData("""{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""", 4, "StartArray")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "no valid table")]
    [InlineData("""{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", 4, "Number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}}""", 4, "Number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "at least 0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "two data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", 4, "at most 2")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "4 bytes for F32")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "8 bytes for F32")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 3, "inside the 3 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "from byte 0 on")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 8, "expected 4 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "from byte 8 on")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", 12, "from byte 4 on")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "2^60")]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,4]}}""", 4, "2^60")]
    [InlineData("""{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}""", 4, "no valid table")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}""", 4, "at most 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]}}""", 4, "4 bytes for F32")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "String")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", 0, "'a' again")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "no valid table")]
    public void Open_ABrokenFile_SaysWhatIsWrong(string header, int dataBytes, string message)
    {
        var bytes = header.Length == 0 ? new byte[7] : SafetensorsWriter.Bytes(header, new byte[dataBytes]);
        var error = Assert.Throws<ModelFormatException>(() => Open(bytes));
        Assert.StartsWith(_path, error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3L)]
    [InlineData(100_000_001L)]
    [InlineData(long.MaxValue)]
    [InlineData(-1L)]
    public void Open_AHeaderLongerThanTheFile_IsRefused(long length)
    {
        var error = Assert.Throws<ModelFormatException>(() => Open([.. BitConverter.GetBytes(length), (byte)'{', (byte)'}']));
        Assert.Contains("at most 2 bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_AnUnknownFormat_IsNamed()
    {
        var error = Assert.Throws<UnsupportedModelException>(() => Open(SafetensorsWriter.Bytes("""{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}""", [0])));
        Assert.Contains("'a' has the format 'F4'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_MutatedFiles_EndInATableOrATypedException()
    {
        var sound = SafetensorsWriter.Bytes(Sound, new byte[16]);
        Gen.Select(Gen.Int[0, sound.Length - 1], Gen.Byte, Gen.Int[0, sound.Length - 1], Gen.Byte, Gen.Int[0, sound.Length]).Sample(
            (first, one, second, two, length) =>
            {
                byte[] bytes = [.. sound];
                (bytes[first], bytes[second]) = (one, two);
                try
                {
                    using var file = Open(bytes[..(length % 3 == 0 ? length : sound.Length)]);
                    Assert.True(file.Tensors.All(tensor => tensor.Start >= 8 && tensor.Start + tensor.Bytes <= file.Mapping.Length));
                }
                catch (LlmException exception) when (exception is ModelFormatException or UnsupportedModelException)
                {
                    Assert.NotEmpty(exception.Message);
                }
            },
            iter: 2000,
            threads: 1);
    }

    private SafetensorsFile Open(byte[] bytes)
    {
        File.WriteAllBytes(_path, bytes);
        return SafetensorsFile.Open(_path);
    }
}
