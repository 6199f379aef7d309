using EmbeddedLlm.Cpu;
using EmbeddedLlm.Testing;

namespace EmbeddedLlm.Tests.Cpu;

public sealed class CpuConformanceTests
{
    private static readonly ILookup<string, ConformanceCase> Cases =
        BackendConformance.Cases(new CpuBackend()).ToLookup(one => string.Join('/', one.Name.Split('/').Take(2)));

    /// <summary>Op and format, or op and kind.</summary>
    public static TheoryData<string> Groups => [.. Cases.Select(group => group.Key).Where(group => !TestModel.IsSlow || IsForSlow(group))];

    [Theory, MemberData(nameof(Groups))]
    public void Cases_OfGroup_AgreeWithReference(string group)
    {
        Assert.Multiple([.. Cases[group].Select(one => (Action)(() => Assert.True(one.Run() is null, $"{one.Name} was declined")))]);
    }

    // Products are there in every format; what is made of products is in some.
    private static bool IsForSlow(string group) => group.Split('/') is not ["experts" or "model", var format] || TestModel.Formats.Contains(format);
}
