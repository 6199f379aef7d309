using EmbeddedLlm.Assembler;
using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Quantization;
using Iced.Intel;
using CallingConvention = EmbeddedLlm.Assembler.CallingConvention;

namespace EmbeddedLlm.Tests.Assembler;

/// <summary>What the assembled code is, read back: the calling convention of Windows can be tested so on every system.</summary>
public sealed class ProductAssemblerTests
{
    private static readonly int[] Columns = [1, 2, 4];

    public static TheoryData<GgmlType, bool> Products => [.. from format in BlockFormats.All where VnniTier.Assembles(PanelShape.Of(format)) from windows in (bool[])[false, true] select (format.Type, windows)];

    [Theory, MemberData(nameof(Products))]
    public void Assemble_AnyProduct_IsValidCodeThatStaysWithinItself(GgmlType type, bool windows)
    {
        foreach (var columns in Columns)
        {
            var code = Read(type, columns, windows);
            Assert.All(code, instruction => Assert.False(instruction.IsInvalid));
            Assert.Equal(Mnemonic.Ret, code[^1].Mnemonic);
            Assert.Equal(Mnemonic.Vzeroupper, code[^2].Mnemonic);
            var begins = code.Select(instruction => instruction.IP).ToHashSet();
            Assert.All(code.Where(instruction => instruction.FlowControl == FlowControl.ConditionalBranch), branch => Assert.Contains(branch.NearBranchTarget, begins));
            Assert.DoesNotContain(code.SkipLast(1), instruction => instruction.FlowControl is not (FlowControl.Next or FlowControl.ConditionalBranch));
        }
    }

    [Theory, MemberData(nameof(Products))]
    public void Assemble_AnyProduct_ChangesOnlyWhatTheConventionAllows(GgmlType type, bool windows)
    {
        Register[] free = windows
            ? [Register.RAX, Register.RCX, Register.RDX, Register.R8, Register.R9, Register.R10, Register.R11, Register.RSP]
            : [Register.RAX, Register.RCX, Register.RDX, Register.R8, Register.R9, Register.R10, Register.R11, Register.RSI, Register.RDI];
        var results = windows ? Register.R9 : Register.RCX;
        var factory = new InstructionInfoFactory();
        foreach (var instruction in Columns.SelectMany(columns => Read(type, columns, windows)).Where(instruction => instruction.Mnemonic != Mnemonic.Ret))
        {
            var info = factory.GetInfo(instruction);
            Assert.All(info.GetUsedRegisters().Where(used => IsWrite(used.Access) && used.Register.IsGPR()), used => Assert.Contains(used.Register.GetFullRegister(), free));
            Assert.All(info.GetUsedMemory().Where(used => IsWrite(used.Access)), used => Assert.Contains(used.Base, windows ? [results, Register.RSP] : (Register[])[results]));
        }
    }

    [Theory, MemberData(nameof(Products))]
    public void Assemble_ForWindows_KeepsTheLowerHalvesOfSixToFifteen(GgmlType type, bool windows)
    {
        foreach (var columns in Columns)
        {
            var code = Read(type, columns, windows);
            var saved = code.Where(instruction => instruction.Op0Kind == OpKind.Memory && instruction.Op1Register.IsXMM()).ToList();
            var restored = code.Where(instruction => instruction.Op0Register.IsXMM() && instruction.Op1Kind == OpKind.Memory).ToList();
            if (!windows)
            {
                Assert.Empty(saved);
                Assert.DoesNotContain(code, instruction => instruction.Op0Register == Register.RSP);
                continue;
            }

            Register[] kept = [Register.XMM6, Register.XMM7, Register.XMM8, Register.XMM9, Register.XMM10, Register.XMM11, Register.XMM12, Register.XMM13, Register.XMM14, Register.XMM15];
            Assert.Equal(kept, saved.Select(instruction => instruction.Op1Register));
            Assert.Equal(kept, restored.Select(instruction => instruction.Op0Register));
            Assert.Equal(saved.Select(instruction => instruction.MemoryDisplacement64), restored.Select(instruction => instruction.MemoryDisplacement64));
            Assert.Equal(kept.Length, saved.Select(instruction => instruction.MemoryDisplacement64).Distinct().Count());

            // A call leaves the stack 8 bytes off a multiple of 16; behind the space that is taken stand the return address and the caller's own.
            var taken = Assert.Single(code, instruction => instruction.Mnemonic == Mnemonic.Sub && instruction.Op0Register == Register.RSP).Immediate32to64;
            Assert.Equal(taken, Assert.Single(code, instruction => instruction.Mnemonic == Mnemonic.Add && instruction.Op0Register == Register.RSP).Immediate32to64);
            Assert.Equal(8, taken % 16);
            Assert.All(saved, instruction => Assert.True(instruction.MemoryBase == Register.RSP && instruction.MemoryDisplacement64 % 16 == 0 && (long)instruction.MemoryDisplacement64 + 16 <= taken));

            // Saved before anything is calculated, restored after it.
            var first = code.FindIndex(instruction => instruction.Op0Register.IsZMM());
            var last = code.FindLastIndex(instruction => instruction.Op0Register.IsZMM() || instruction.Op1Register.IsZMM());
            Assert.All(saved, instruction => Assert.True(code.IndexOf(instruction) < first));
            Assert.All(restored, instruction => Assert.True(code.IndexOf(instruction) > last));
        }
    }

    private static List<Instruction> Read(GgmlType type, int columns, bool windows)
    {
        var code = ProductAssembler.Assemble(PanelShape.Of(BlockFormats.Get(type)), columns, windows ? CallingConvention.Windows : CallingConvention.SystemV);
        return [.. Decoder.Create(64, code)];
    }

    private static bool IsWrite(OpAccess access) => access is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
}
