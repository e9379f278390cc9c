// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_pairs.hpp"

namespace opencv_test {

static const char SPAIR[] =
    "{\"filename\": \"000007-2008_a-2009_b:aeroplane\", \"src_imname\": \"2008_a.jpg\", \"trg_imname\": \"2009_b.jpg\", "
    "\"src_imsize\": [500, 333, 3], \"trg_imsize\": [375, 500, 3], \"src_bndbox\": [33, 54, 477, 250], "
    "\"trg_bndbox\": [10, 101, 370, 410], \"category\": \"aeroplane\", \"src_pose\": \"Left\", \"trg_pose\": \"Unspecified\", "
    "\"src_kps\": [[173, 142], [271, 164], [60.5, 75]], \"trg_kps\": [[101, 300], [202, 311], [33, 190]], "
    "\"kps_ids\": [\"2\", \"10\", \"14\"], \"mirror\": 1, \"scale_variation\": 2, \"truncation\": 3, \"occlusion\": 0, "
    "\"viewpoint_variation\": 1, \"pair_id\": 6}";
static const char ANNOTATION[] = "PairAnnotation/test/000007-2008_a-2009_b:aeroplane.json";

void Semcorr_Pairs::makeSPair() const
{
    write("Layout/large/test.txt", "000007-2008_a-2009_b:aeroplane\n");
    write(ANNOTATION, SPAIR);
    writePicture("JPEGImages/aeroplane/2008_a.jpg", 500, 333);
    writePicture("JPEGImages/aeroplane/2009_b.jpg", 375, 500);
}

void Semcorr_Pairs::makeTSS() const
{
    for (const char* number : { "1", "2" })
    {
        const std::string pair = std::string("JODS/car01/");
        const int width = number[0] == '1' ? 6 : 4;
        writePicture(pair + "image" + number + ".png", width, 3);
        writePicture(pair + "mask" + number + ".png", width, 3);
        writeFlow(pair + "flow" + number + ".flo", width, 3);
    }
    write("JODS/car01/flip_gt.txt", "1\n");
}

namespace {

TEST_F(Semcorr_Pairs, spair)
{
    makeSPair();
    const ImagePair pair = readOne("spair", "test");
    EXPECT_EQ("000007-2008_a-2009_b:aeroplane", pair.id);
    EXPECT_EQ("aeroplane", pair.category);
    EXPECT_EQ(path("JPEGImages/aeroplane/2008_a.jpg"), pair.image1);
    EXPECT_EQ(path("JPEGImages/aeroplane/2009_b.jpg"), pair.image2);
    EXPECT_EQ(Size(500, 333), pair.size1);
    EXPECT_EQ(Size(375, 500), pair.size2);
    EXPECT_EQ(Rect2d(33, 54, 444, 196), pair.box1);
    EXPECT_EQ(Rect2d(10, 101, 360, 309), pair.box2);
    EXPECT_TRUE(hasPoints(pair.points1, { { 173, 142 }, { 271, 164 }, { 60.5f, 75 } }));
    EXPECT_TRUE(hasPoints(pair.points2, { { 101, 300 }, { 202, 311 }, { 33, 190 } }));
    EXPECT_EQ(1, pair.viewpoint);
    EXPECT_EQ(2, pair.scale);
    EXPECT_EQ(3, pair.truncation);
    EXPECT_EQ(0, pair.occlusion);
    EXPECT_EQ(1, pair.mirror);
    EXPECT_FALSE(pair.flip1 || pair.flip2);
    // the small layout, the names of splits, and what unpacking makes of colons on Windows
    write("Layout/small/trn.txt", readAll(path("Layout/large/test.txt")));
    write("PairAnnotation/trn/000007-2008_a-2009_b_aeroplane.json", SPAIR);
    EXPECT_EQ(pair.id, readOne("spair", "small/trn").id);
    EXPECT_EQ(pair.id, readOne("spair", "small/train").id);
    EXPECT_ERROR(read("spair", "trn"), "Layout/large/trn.txt\" is missing");
}

TEST_F(Semcorr_Pairs, spair_errors)
{
    makeSPair();
    const auto with = [&](const std::string& from, const std::string& to) {
        write(ANNOTATION, replaced(SPAIR, from, to));
        return read("spair", "test");
    };
    const std::string place = path("Layout/large/test.txt") + ":1: \"" + path(ANNOTATION) + "\": ";
    EXPECT_ERROR(read("spair", "large"), "split is \"large\", expected \"train\", \"val\" or \"test\"");
    EXPECT_ERROR(read("spair", "tiny/val"), "split is \"tiny/val\", expected the layout");
    EXPECT_ERROR(with("[500, 333, 3]", "[500, 334, 3]"), "has 500 x 333 pixels, expected 500 x 334 as annotated");
    EXPECT_ERROR(with("[500, 333, 3]", "[0, 334, 3]"), place + "src_imsize is not as expected: width, height and channels");
    EXPECT_ERROR(with("[500, 333, 3]", "[500, 333]"), place + "src_imsize is not as expected: 3 numbers");
    EXPECT_ERROR(with("[173, 142]", "[173, 142, 1]"), place + "src_kps is not as expected: 2 numbers");
    EXPECT_ERROR(with("[173, 142]", "[173, null]"), place + "src_kps is not as expected: 2 numbers");
    EXPECT_ERROR(with("[173, 142]", "[173, 1e300]"), ":1: a keypoint is at (173, inf)");
    EXPECT_ERROR(with("[173, 142], ", ""), place + "trg_kps is not as expected: 2 points, as many as src_kps");
    EXPECT_ERROR(with("[[101, 300], [202, 311], [33, 190]]", "null"), place + "trg_kps is not as expected: a list of points");
    EXPECT_ERROR(with("[10, 101, 370, 410]", "[370, 101, 10, 410]"), "the box is (370, 101, 10, 410)");
    EXPECT_ERROR(with("\"category\": \"aeroplane\"", "\"category\": 3"), place + "category is not as expected: a text");
    EXPECT_ERROR(with("\"occlusion\": 0", "\"occlusion\": 10"), place + "occlusion is not as expected: an integer in [0, 9]");
    EXPECT_ERROR(with("\"scale_variation\": 2", "\"scale_variation\": -1"), "scale_variation is not as expected: an integer in");
    EXPECT_ERROR(with("\"viewpoint_variation\": 1", "\"viewpoint_variation\": 0.5"), "viewpoint_variation is not as expected");
    EXPECT_ERROR(with("\"truncation\": 3, ", ""), place + "truncation is not as expected");
    EXPECT_EQ(-1, with("\"mirror\": 1, ", "")[0].mirror);
    EXPECT_ERROR(with("]]", "]"), place + "the file is not as expected: valid JSON");
    write("Layout/large/test.txt", "000008-2008_a-2009_b:aeroplane\n");
    EXPECT_ERROR(read("spair", "test"), "000008-2008_a-2009_b:aeroplane.json\" (or PairAnnotation/test/");
    write("Layout/large/test.txt", "\n000008-2008_a-2009_b\n");
    EXPECT_ERROR(read("spair", "test"), "test.txt:2: \"000008-2008_a-2009_b\" names no pair");
    write("Layout/large/test.txt", "../../x:y\n");
    EXPECT_ERROR(read("spair", "test"), "names no pair");
}

TEST_F(Semcorr_Pairs, tss)
{
    makeTSS();
    const std::vector<ImagePair> pairs = read("tss", "JODS");
    ASSERT_EQ(2u, pairs.size());
    EXPECT_EQ("JODS/car01/1to2", pairs[0].id);
    EXPECT_EQ("JODS/car01/2to1", pairs[1].id);
    EXPECT_EQ("JODS", pairs[0].category);
    EXPECT_EQ(path("JODS/car01/image1.png"), pairs[0].image1);
    EXPECT_EQ(path("JODS/car01/image1.png"), pairs[1].image2);
    EXPECT_EQ(path("JODS/car01/flow1.flo"), pairs[0].flow);
    EXPECT_EQ(path("JODS/car01/flow2.flo"), pairs[1].flow);
    EXPECT_EQ(path("JODS/car01/mask2.png"), pairs[0].mask2);
    EXPECT_EQ(path("JODS/car01/mask2.png"), pairs[1].mask1);
    EXPECT_EQ(Size(6, 3), pairs[0].size1);
    EXPECT_EQ(Size(4, 3), pairs[0].size2);
    EXPECT_TRUE(pairs[0].flip2 && pairs[1].flip2);
    EXPECT_FALSE(pairs[0].flip1 || pairs[1].flip1);
    EXPECT_TRUE(pairs[0].points1.empty());
    write("JODS/car01/flip_gt.txt", "0");
    EXPECT_FALSE(read("tss", "JODS")[0].flip2);
    std::remove(path("JODS/car01/flip_gt.txt").c_str());
    EXPECT_FALSE(read("tss", "JODS")[0].flip2);
    EXPECT_ERROR(read("tss", ""), "FG3DCar\" is missing");
    ASSERT_TRUE(cv::utils::fs::createDirectories(path("FG3DCar/x")));
    ASSERT_TRUE(cv::utils::fs::createDirectories(path("PASCAL")));
    EXPECT_EQ(6u, checkDataset("tss", folder, "").size());  // image, flow and mask of both pictures in the empty folder x
    cv::utils::fs::remove_all(path("FG3DCar/x"));
    EXPECT_EQ(2u, read("tss", "").size());
}

TEST_F(Semcorr_Pairs, tss_errors)
{
    makeTSS();
    EXPECT_ERROR(read("tss", "test"), "split is \"test\", expected \"FG3DCar\", \"JODS\", \"PASCAL\" or \"\"");
    write("JODS/car01/flip_gt.txt", "2");
    EXPECT_ERROR(read("tss", "JODS"), "flip_gt.txt\" is not as expected: one line with 0 or 1");
    write("JODS/car01/flip_gt.txt", "1");
    writeFlow("JODS/car01/flow1.flo", 5, 3);
    EXPECT_ERROR(read("tss", "JODS"), "has 6 x 3 pixels, expected 5 x 3 as annotated");
    write("JODS/car01/flow1.flo", "PIEH");
    EXPECT_ERROR(read("tss", "JODS"), "flow1.flo\" is no .flo file");
    std::remove(path("JODS/car01/mask2.png").c_str());
    EXPECT_EQ(2u, checkDataset("tss", folder, "JODS").size());  // each once, though both directions miss the mask
}

}}
