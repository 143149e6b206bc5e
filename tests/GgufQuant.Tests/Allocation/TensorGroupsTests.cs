using GgufQuant.Allocation;

namespace GgufQuant.Tests.Allocation;

public sealed class TensorGroupsTests
{
    [Theory]
    [InlineData("blk.0.attn_q.weight", 6, "attn_q first")]
    [InlineData("blk.1.attn_q.weight", 6, "attn_q 1/2")]
    [InlineData("blk.3.attn_q.weight", 6, "attn_q 1/2")]
    [InlineData("blk.4.attn_q.weight", 6, "attn_q 2/2")]
    [InlineData("blk.5.ffn_down.weight", 6, "ffn_down 2/2")]
    [InlineData("blk.40.ffn_down.weight", 80, "ffn_down 1/2")]
    [InlineData("blk.41.ffn_down.weight", 80, "ffn_down 2/2")]
    [InlineData("blk.0.attn_q.weight", 1, "attn_q first")]
    [InlineData("blk.1.attn_q.weight", 2, "attn_q 1/2")]
    [InlineData("blk.3.ffn_gate.7.weight", 6, "ffn_gate 1/2")]
    [InlineData("blk.3.ffn_gate_exps.weight", 6, "ffn_gate_exps 1/2")]
    [InlineData("token_embd.weight", 6, "token_embd")]
    [InlineData("output.weight", 6, "output")]
    [InlineData("blk.9.attn_q.weight", 6, "attn_q")]
    public void A_tensor_shares_a_group_with_its_role_in_a_half_of_the_layers_after_the_first(string name, int layers, string group) =>
        Assert.Equal(group, TensorGroups.GroupOf(name, layers));

    [Fact]
    public void Layers_are_counted_by_names() =>
        Assert.Equal(12, TensorGroups.CountLayers(["output.weight", "blk.3.attn_q.weight", "blk.11.attn_norm.weight"]));
}
