//! Values in binary, as PostgreSQL's functions `..._send` write them.

use bytes::{BufMut, BytesMut};
use datafusion::arrow::datatypes::{
    Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use samite_engine::Result;

use super::{Values, numeric, time, unexpected};
use crate::kind::Kind;

impl Values {
    /// Writes one value in binary.
    pub(super) fn write_binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        match &self.kind {
            Kind::Bool => out.put_u8(u8::from(self.bool(row)?)),
            Kind::Int2 => out.put_i16(self.number::<Int16Type>(row)?),
            Kind::Int4 | Kind::Oid => out.put_i32(self.number::<Int32Type>(row)?),
            Kind::Int8 => out.put_i64(self.number::<Int64Type>(row)?),
            Kind::Float4 => out.put_f32(self.number::<Float32Type>(row)?),
            Kind::Float8 => out.put_f64(self.number::<Float64Type>(row)?),
            Kind::Numeric => numeric::put_binary(&self.decimal(row)?, out)?,
            Kind::Text | Kind::Json => out.put_slice(self.str(row)?.as_bytes()),
            Kind::Bytea => out.put_slice(self.bytes(row)?),
            Kind::Date => out.put_i32(time::date_binary(self.number::<Date32Type>(row)?)?),
            Kind::Time => out.put_i64(self.number::<Time64MicrosecondType>(row)?),
            Kind::Timestamp | Kind::TimestampTz => {
                let instant = self.number::<TimestampMicrosecondType>(row)?;
                out.put_i64(time::timestamp_binary(instant)?);
            }
            Kind::Interval => {
                let (months, days, micros) = self.interval(row)?;
                out.put_i64(micros);
                out.put_i32(days);
                out.put_i32(months);
            }
            Kind::Array(_) | Kind::Vector(_) => return Err(unexpected()),
        }
        Ok(())
    }
}
