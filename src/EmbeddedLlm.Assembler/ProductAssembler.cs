using EmbeddedLlm.Cpu.Panels;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using Code = Iced.Intel.Assembler;

namespace EmbeddedLlm.Assembler;

/// <summary>
/// Writes the machine code of the product of a panel of 32 rows with 1 … 4 columns, in AVX-512 with VNNI. Arguments: scales, quants, columns, sums, width;
/// see <see cref="IntegerProduct{TTier,TInts,TFloats,TShape,TColumns}.Multiply"/>.
/// </summary>
/// <remarks>
/// <para>A lane of a register is a row, so a panel has two registers of them. <c>vpdpbusd</c> multiplies a lane's four bytes (quants, unsigned) by four
/// activations (signed, the same for all lanes) and adds the products to the lane's 32-bit integer. Integer sums are exact, as they are with intrinsics.</para>
/// <para>Two pipes multiply, and two load: an activation that is loaded once serves both registers. So multiplications are what is counted: for each column
/// and register 8 of integers in a group of 32 numbers, and two or three of floats, <c>result += (sum · scale) · columnScale [− minimum · columnSum]</c>.
/// An offset of the quants costs none: integer sums begin with what it adds up to. That is another order than the one of the intrinsics, so results
/// differ from theirs in the last bits. For all numbers of columns it is the same.</para>
/// </remarks>
internal sealed class ProductAssembler
{
    /// <summary>Rows of a panel.</summary>
    public const int Rows = Registers * Lanes;

    private const int Registers = 2, Lanes = 16;
    private const int Group = PanelShape.GroupColumns;
    private const int Plane = 4 * Rows;     // bytes: four quants of each row
    private const byte OrAnd = 0b1111_1000;     // of vpternlogd: a | (b & c)

    // What stands behind the activations of a tile, for each column: see ActivationPacker.PackIntegers.
    private const int ColumnScale = 0, ColumnSum = 1, ColumnHalfSum = 2, ColumnStart = 3, ColumnHalfStarts = 4;

    // xmm6 … xmm15, and 8 bytes that bring the stack to a multiple of 16.
    private const int SavedRegisters = 10, SavedBytes = SavedRegisters * 16 + 8;

    private readonly Code _code = new(64);
    private readonly PanelShape _shape;
    private readonly int _columns;
    private readonly CallingConvention _convention;

    // Registers that a function may change in the calling convention; most are where it finds its arguments.
    private readonly AssemblerRegister64 _scales, _quants, _columnTile, _sums, _ahead = r10;
    private readonly AssemblerRegister32 _groups, _word = eax;

    // One for each column and half of the panel, see At: results; integer sums, of few columns in two chains; sums of 16 numbers as floats.
    private readonly AssemblerRegisterZMM[] _results = Vectors(0, 8), _integers = Vectors(8, 8), _floats = Vectors(16, 8);

    // One for each half of the panel: scale and minimum scale of the block; a plane of bits beyond the nibble; quants, later scale and minimum of the group.
    private readonly AssemblerRegisterZMM[] _scale, _minimumScale, _bits, _first, _second;

    private readonly AssemblerRegisterZMM _column = zmm28;      // activations, then factors of a column
    private readonly AssemblerRegisterZMM _temporary = zmm29;
    private readonly AssemblerRegisterZMM _lowMask = zmm30;     // of nibbles, or of pairs of bits
    private readonly AssemblerRegisterZMM _highMask = zmm31;    // of the bits beyond those

    private ProductAssembler(PanelShape shape, int columns, CallingConvention convention)
    {
        (_shape, _columns, _convention) = (shape, columns, convention);
        (_scales, _quants, _columnTile, _sums, _groups) = convention == CallingConvention.Windows ? (rcx, rdx, r8, r9, r11d) : (rdi, rsi, rdx, rcx, r8d);
        _first = Vectors(24, 2);
        if (HasHalves)
        {
            // Floats leave no more. Shapes with minimums need neither of the last two otherwise.
            (_scale, _minimumScale, _bits, _second) = (Vectors(26, 2), [zmm29, zmm31], [], []);
        }
        else
        {
            (_scale, _minimumScale, _bits, _second) = (Vectors(16, 2), Vectors(18, 2), Vectors(20, 2), Vectors(26, 2));
        }
    }

    /// <summary>The code, which may stand anywhere in memory.</summary>
    public static byte[] Assemble(PanelShape shape, int columns, CallingConvention convention)
    {
        var assembler = new ProductAssembler(shape, columns, convention);
        assembler.Write();
        using var stream = new MemoryStream();
        assembler._code.Assemble(new StreamCodeWriter(stream), rip: 0);
        return stream.ToArray();
    }

    /// <summary>What the code takes off the quants of <paramref name="shape"/>: half their range, or nothing where there are minimums.</summary>
    public static int Offset(PanelShape shape) => shape.HasMinimums ? 0 : 1 << (shape.Bits - 1);

    private bool HasHalves => _shape.GroupLength < Group;

    private bool HasGroupScales => _shape.BlockLength > Group;

    private bool HasTwoChains => !HasHalves && _columns <= 2;

    private int GroupsInBlock => _shape.BlockLength / Group;

    private int QuantBytes => _shape.QuantBytes * Rows;     // of a group

    // How far to the left quants are taken, so that what is taken off them is 128, or 32 where there are halves: what column starts are made for.
    private int Places => (_shape.HasMinimums, _shape.Bits) switch { (false, 4) => 4, (false, 5) => 3, (false, 3) => 3, _ => 0 };

    private static AssemblerRegisterZMM[] Vectors(int first, int count) => [.. Enumerable.Range(first, count).Select(i => new AssemblerRegisterZMM(Register.ZMM0 + i))];

    private int At(int register, int column) => register * _columns + column;

    private void Write()
    {
        var (block, group) = (_code.CreateLabel(), _code.CreateLabel());
        Enter();
        _code.Label(ref block);
        ReadBlock();
        if (HasGroupScales)
            _code.Label(ref group);
        if (HasHalves)
            MultiplyHalves();
        else
            MultiplyGroup();
        _code.add(_quants, QuantBytes);
        _code.add(_columnTile, _columns * ActivationPacker.IntegerGroupBytes);
        _code.dec(_groups);
        if (HasGroupScales)
        {
            _code.test(_groups, GroupsInBlock - 1);
            _code.jne(group);
            _code.test(_groups, _groups);
        }

        _code.jne(block);
        Leave();
    }

    private void Enter()
    {
        if (_convention == CallingConvention.Windows)
        {
            _code.mov(_groups, __dword_ptr[rsp + 0x28]);    // the fifth argument stands above the return address and 32 bytes of the caller's
            _code.sub(rsp, SavedBytes);
            for (var i = 0; i < SavedRegisters; i++)
                _code.vmovaps(__xmmword_ptr[rsp + 16 * i], new AssemblerRegisterXMM(Register.XMM6 + i));
        }

        _code.shr(_groups, 5);
        _code.lea(_ahead, __[_scales + PanelMatrix.ReadAhead]);
        Fill(_lowMask, (_shape.Bits is 2 or 3 ? 0x03030303 : 0x0F0F0F0F) << Places);
        if (_shape.Bits is 3 or 5 or 6)
            Fill(_highMask, _shape.Bits switch { 3 => 0x04040404, 5 => 0x10101010, _ => 0x30303030 } << Places);
        if (Places > 0)
            _code.mov(_word, BitConverter.SingleToInt32Bits(1f / (1 << Places)));
        for (var i = 0; i < Registers * _columns; i++)
            _code.vpxord(_results[i], _results[i], _results[i]);
    }

    private void Leave()
    {
        for (var column = 0; column < _columns; column++)
        {
            for (var i = 0; i < Registers; i++)
                _code.vmovups(__zmmword_ptr[_sums + (column * Rows + i * Lanes) * sizeof(float)], _results[At(i, column)]);
        }

        if (_convention == CallingConvention.Windows)
        {
            for (var i = 0; i < SavedRegisters; i++)
                _code.vmovaps(new AssemblerRegisterXMM(Register.XMM6 + i), __xmmword_ptr[rsp + 16 * i]);
            _code.add(rsp, SavedBytes);
        }

        _code.vzeroupper();
        _code.ret();
    }

    private void ReadBlock()
    {
        if (Places > 0)
            _code.vpbroadcastd(_temporary, _word);
        for (var i = 0; i < Registers; i++)
        {
            _code.vcvtph2ps(_scale[i], __ymmword_ptr[_scales + i * Lanes * sizeof(short)]);
            if (Places > 0)
                _code.vmulps(_scale[i], _scale[i], _temporary);
            if (_shape.HasMinimums)
                _code.vcvtph2ps(_minimumScale[i], __ymmword_ptr[_scales + (Rows + i * Lanes) * sizeof(short)]);
        }

        _code.add(_scales, (_shape.HasMinimums ? 2 : 1) * Rows * sizeof(short));
    }

    // The panel, scales and quants, is asked for as the one stretch of memory that it is, a part for each step of a group.
    private void Prefetch(int step, int steps)
    {
        var bytes = QuantBytes + _shape.ScaleBytes * Rows / GroupsInBlock;
        var lines = (bytes + PanelMatrix.CacheLine - 1) / PanelMatrix.CacheLine;
        for (var line = step * lines / steps; line < (step + 1) * lines / steps; line++)
            _code.prefetcht0(__byte_ptr[_ahead + line * PanelMatrix.CacheLine]);
        if (step == steps - 1)
            _code.add(_ahead, bytes);
    }

    // 32 numbers with one scale.
    private void MultiplyGroup()
    {
        Begin(_integers, 0, ColumnStart);
        var second = HasTwoChains ? Registers * _columns : 0;
        if (HasTwoChains)
            Begin(_integers, second, null);
        for (var i = 0; _shape.Bits == 5 && i < Registers; i++)
            _code.vmovdqu32(_bits[i], PlaneAt(0, i));
        for (var step = 0; step < 4; step++)
        {
            Prefetch(step, 4);
            ReadStep(step);
            for (var column = 0; column < _columns; column++)
            {
                Dot(_integers, 0, _first, column, 4 * step);
                Dot(_integers, second, _second, column, 16 + 4 * step);
            }
        }

        var (scale, minimum) = (_scale, _minimumScale);
        if (HasGroupScales)
        {
            (scale, minimum) = (_first, _second);
            for (var i = 0; i < Registers; i++)
            {
                ReadGroupScale(scale[i], i, 0);
                ReadGroupMinimum(minimum[i], i, Rows);
            }

            _code.add(_scales, 2 * Rows);
        }

        for (var column = 0; column < _columns; column++)
        {
            _code.vbroadcastss(_column, Factor(ColumnScale, column));
            for (var i = 0; i < Registers; i++)
            {
                var sum = _integers[At(i, column)];
                if (HasTwoChains)
                    _code.vpaddd(sum, sum, _integers[second + At(i, column)]);
                _code.vcvtdq2ps(sum, sum);
                _code.vmulps(sum, sum, scale[i]);
                _code.vfmadd231ps(_results[At(i, column)], sum, _column);
            }

            if (_shape.HasMinimums)
                Subtract(minimum, column, ColumnSum);
        }
    }

    // The quants of numbers 4·step … 4·step + 3, and of those 16 behind them.
    private void ReadStep(int step)
    {
        for (var i = 0; i < Registers; i++)
        {
            if (_shape.Bits == 8)
            {
                _code.vmovdqu32(_first[i], PlaneAt(step, i));
                _code.vmovdqu32(_second[i], PlaneAt(4 + step, i));
                continue;
            }

            _code.vmovdqu32(_second[i], PlaneAt(_shape.Bits - 4 + step, i));
            _code.vpandd(_first[i], Shift(_first[i], _second[i], Places), _lowMask);
            _code.vpandd(_second[i], Shift(_second[i], _second[i], Places - 4), _lowMask);
            if (_shape.Bits == 5)
            {
                // Bits step and 4 + step of the plane become bit 4.
                _code.vpternlogd(_first[i], Shift(_temporary, _bits[i], 4 + Places - step), _highMask, OrAnd);
                _code.vpternlogd(_second[i], Shift(_temporary, _bits[i], Places - step), _highMask, OrAnd);
            }
        }
    }

    // 32 numbers, each 16 of them with a scale of their own. The sums of one half become floats before the next: there are no registers for more.
    private void MultiplyHalves()
    {
        for (var half = 0; half < 2; half++)
        {
            Begin(_integers, 0, ColumnHalfStarts + half);
            for (var step = 0; step < 4; step++)
            {
                Prefetch(4 * half + step, 8);
                ReadHalfStep(half, step);
                for (var column = 0; column < _columns; column++)
                    Dot(_integers, 0, _first, column, 16 * half + 4 * step);
            }

            for (var i = 0; i < Registers; i++)
            {
                ReadGroupScale(_first[i], i, half * Rows);
                for (var column = 0; column < _columns; column++)
                {
                    var (sum, scaled) = (_integers[At(i, column)], _floats[At(i, column)]);
                    _code.vcvtdq2ps(sum, sum);
                    if (half == 0)
                        _code.vmulps(scaled, sum, _first[i]);
                    else
                        _code.vfmadd231ps(scaled, sum, _first[i]);
                }
            }
        }

        for (var column = 0; column < _columns; column++)
        {
            _code.vbroadcastss(_column, Factor(ColumnScale, column));
            for (var i = 0; i < Registers; i++)
                _code.vfmadd231ps(_results[At(i, column)], _floats[At(i, column)], _column);
        }

        if (_shape.HasMinimums)
            SubtractHalfMinimums();
        _code.add(_scales, 2 * Rows);
    }

    // The quants of numbers 16·half + 4·step … + 3.
    private void ReadHalfStep(int half, int step)
    {
        for (var i = 0; i < Registers; i++)
        {
            if (_shape.Bits == 6)
            {
                // Bits 2·step and 2·step + 1 of the plane become bits 4 and 5.
                _code.vmovdqu32(_first[i], PlaneAt(2 + step, i));
                _code.vpandd(_first[i], Shift(_first[i], _first[i], -4 * half), _lowMask);
                Join(_first[i], PlaneAt(half, i), 4 - 2 * step);
                continue;
            }

            _code.vmovdqu32(_first[i], PlaneAt(half, i));
            _code.vpandd(_first[i], Shift(_first[i], _first[i], Places - 2 * step), _lowMask);
            if (_shape.Bits == 3)
                Join(_first[i], PlaneAt(2, i), 2 + Places - step - 4 * half);   // bit 4·half + step of the plane becomes bit 2
        }
    }

    // result −= minimum₁ · sum + (minimum₀ − minimum₁) · sum of the first half; the floats are free by now.
    private void SubtractHalfMinimums()
    {
        var (minimum, difference) = (_floats[..Registers], _floats[Registers..(2 * Registers)]);
        for (var i = 0; i < Registers; i++)
        {
            ReadGroupMinimum(minimum[i], i, Rows);
            ReadGroupMinimum(difference[i], i, 0);
            _code.vsubps(difference[i], difference[i], minimum[i]);
        }

        for (var column = 0; column < _columns; column++)
        {
            Subtract(minimum, column, ColumnSum);
            Subtract(difference, column, ColumnHalfSum);
        }
    }

    private void Subtract(AssemblerRegisterZMM[] minimum, int column, int factor)
    {
        _code.vbroadcastss(_column, Factor(factor, column));
        for (var i = 0; i < Registers; i++)
            _code.vfnmadd231ps(_results[At(i, column)], minimum[i], _column);
    }

    // Where quants have an offset, integer sums begin with what it adds up to.
    private void Begin(AssemblerRegisterZMM[] sums, int chain, int? start)
    {
        for (var column = 0; column < _columns; column++)
        {
            for (var i = 0; i < Registers; i++)
            {
                var sum = sums[chain + At(i, column)];
                if (_shape.HasMinimums || start is null)
                    _code.vpxord(sum, sum, sum);
                else if (i == 0)
                    _code.vpbroadcastd(sum, Factor(start.Value, column));
                else
                    _code.vmovdqa32(sum, sums[chain + At(0, column)]);
            }
        }
    }

    // Four numbers of a column, from this one of the group on, times the quants of all rows.
    private void Dot(AssemblerRegisterZMM[] sums, int chain, AssemblerRegisterZMM[] quants, int column, int number)
    {
        _code.vpbroadcastd(_column, __dword_ptr[_columnTile + column * Group + number]);
        for (var i = 0; i < Registers; i++)
            _code.vpdpbusd(sums[chain + At(i, column)], quants[i], _column);
    }

    // The integer scale of a group times the scale of the block. Of a byte that has scale and minimum, the scale is in the lower half.
    private void ReadGroupScale(AssemblerRegisterZMM register, int half, int place)
    {
        _code.vpmovsxbd(register, __xmmword_ptr[_scales + place + half * Lanes]);
        if (SharesBytes)
        {
            _code.vpslld(register, register, 28);
            _code.vpsrld(register, register, 28);
        }

        _code.vcvtdq2ps(register, register);
        _code.vmulps(register, register, _scale[half]);
    }

    private void ReadGroupMinimum(AssemblerRegisterZMM register, int half, int place)
    {
        _code.vpmovzxbd(register, __xmmword_ptr[_scales + place + half * Lanes]);
        if (SharesBytes)
            _code.vpsrld(register, register, 4);
        _code.vcvtdq2ps(register, register);
        _code.vmulps(register, register, _minimumScale[half]);
    }

    private bool SharesBytes => HasHalves && _shape.HasMinimums;

    // quants |= (bits shifted to the left) & mask
    private void Join(AssemblerRegisterZMM quants, AssemblerMemoryOperand bits, int left)
    {
        if (left > 0)
            _code.vpslld(_temporary, bits, (byte)left);
        else if (left < 0)
            _code.vpsrld(_temporary, bits, (byte)-left);
        if (left == 0)
            _code.vpternlogd(quants, _highMask, bits, OrAnd);
        else
            _code.vpternlogd(quants, _highMask, _temporary, OrAnd);
    }

    // Returns where the shifted bits are: the source if there is nothing to shift.
    private AssemblerRegisterZMM Shift(AssemblerRegisterZMM target, AssemblerRegisterZMM source, int left)
    {
        if (left > 0)
            _code.vpslld(target, source, (byte)left);
        else if (left < 0)
            _code.vpsrld(target, source, (byte)-left);
        return left == 0 ? source : target;
    }

    private AssemblerMemoryOperand PlaneAt(int plane, int half) => __zmmword_ptr[_quants + plane * Plane + half * Plane / Registers];

    private AssemblerMemoryOperand Factor(int factor, int column) => __dword_ptr[_columnTile + _columns * Group + (factor * _columns + column) * sizeof(float)];

    private void Fill(AssemblerRegisterZMM register, int value)
    {
        _code.mov(_word, value);
        _code.vpbroadcastd(register, _word);
    }
}
